package params

import (
	"fmt"

	"github.com/yunei/yunei/fault"
)

// The profiles.
const (
	HouseProfile  = "house"
	StrictProfile = "strict"
)

// Profiles lists the names that For takes.
func Profiles() []string { return []string{HouseProfile, StrictProfile} }

// For returns the parameters of a profile for data of a grade, 0 (not graded:
// the defaults) to MaxGrade. An error is of kind Invalid.
func For(profile string, grade int) (Parameters, error) {
	if grade < 0 || grade > MaxGrade {
		return Parameters{}, fmt.Errorf("choosing parameters: grade %d: %w", grade, fault.Invalid)
	}
	switch profile {
	case HouseProfile:
		return house(grade), nil
	case StrictProfile:
		return strictest(strict(grade), house(grade)), nil
	}
	return Parameters{}, fmt.Errorf("choosing parameters: no profile %q: %w", profile, fault.Invalid)
}

// ForAll returns the parameters of a profile for data of several grades: field
// by field the strictest of them. No grade at all is an error.
func ForAll(profile string, grades ...int) (Parameters, error) {
	if len(grades) == 0 {
		return Parameters{}, fmt.Errorf("choosing parameters: no data: %w", fault.Invalid)
	}
	p, err := For(profile, grades[0])
	for _, g := range grades[1:] {
		if err != nil {
			return Parameters{}, err
		}
		var q Parameters
		if q, err = For(profile, g); err == nil {
			p = strictest(p, q)
		}
	}
	if err != nil {
		return Parameters{}, err
	}
	return p, nil
}

func house(grade int) Parameters {
	p := Parameters{Profile: HouseProfile, Grade: grade}
	for _, s := range specs {
		*s.at(&p) = s.house[grade]
	}
	return p
}

// strict is the house profile with the options of its peers that are stricter:
// of OpenSAFELY the limits on rows and bytes; of ACRO that zeros are disclosive
// (with its threshold of 10 and its rounding base of 5, which are the house's
// as well); of the ESSnet guidelines that no contribution is more than half of
// a total.
func strict(grade int) Parameters {
	p := house(grade)
	p.Profile = StrictProfile
	p.Cells, p.TableBytes = 5000, 16<<20
	p.ZerosDisclosive, p.NegativesHidden = 1, 1
	p.LargestK = 50
	return p
}

// strictest is p, with q's value wherever it is stricter, and the higher grade.
func strictest(p, q Parameters) Parameters {
	p.Grade = max(p.Grade, q.Grade)
	for _, s := range specs {
		at, other := s.at(&p), *s.at(&q)
		if s.up {
			*at = max(*at, other)
		} else {
			*at = min(*at, other)
		}
	}
	return p
}
