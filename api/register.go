package api

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/storage/records"
)

// verbs is everything that can be asked for.
var verbs = map[verb.Verb]func(context.Context, *Server, *call) (any, error){
	verb.DirectoryGet:      directory,
	verb.OrgAdd:            addOrg,
	verb.UserAdd:           addUser,
	verb.ProcessAdd:        addProcess,
	verb.ProcessRevoke:     revokeProcess,
	verb.ProcessInvite:     invite,
	verb.ProcessInvited:    invited,
	verb.ProcessAccept:     accept,
	verb.CatalogueAdd:      addEntry,
	verb.LicenceGrant:      grantLicence,
	verb.ScenarioPropose:   propose,
	verb.ApplicationSubmit: submitApplication,
	verb.ApplicationShow:   showApplication,
	verb.ApplicationList:   listApplications,
	verb.DecisionAdd:       addDecision,
	verb.PermitGet:         getPermit,
	verb.ProgramPut:        announceProgram,
	verb.JobPreview:        preview,
	verb.JobSubmit:         submitJob,
	verb.JobShow:           showJob,
	verb.JobList:           listJobs,
	verb.JobReplay:         replayJob,
	verb.BudgetShow:        showBudget,
	verb.CandidateGet:      getCandidate,
	verb.VoteCommit:        commitVote,
	verb.VoteOpen:          openVote,
	verb.ReleaseGet:        getRelease,
	verb.OrderPlace:        placeOrder,
	verb.OrderLift:         liftOrder,
	verb.OrderList:         listOrders,
	verb.ReleaseWithdraw:   withdrawRelease,
	verb.ReleaseWithdrawal: showWithdrawal,
	verb.ReleaseConfirm:    confirmWithdrawal,
	verb.ProductAdd:        addProduct,
	verb.ProductList:       listProducts,
	verb.CaseAct:           actCase,
	verb.CaseShow:          showCase,
	verb.CaseList:          listCases,
	verb.CaseTodo:          listTodo,
	verb.CaseExport:        exportCase,
	verb.PaperPut:          putPaper,
	verb.PaperGet:          getPaper,
	verb.ProfilePublish:    publishProfile,
	verb.ProfileGet:        getProfile,
	verb.CalendarLoad:      loadCalendar,
	verb.CalendarGet:       getCalendars,
	verb.DutyList:          listDuties,
	verb.ReportFile:        fileReport,
	verb.ReportList:        listReports,
	verb.ReportAttest:      attestReport,
	verb.OversightFacts:    inspect,
	verb.OversightUses:     listUses,
	verb.OversightDeclare:  declare,
	verb.RegisterGet:       signedRegister,
	verb.ProfileSigned:     signedProfile,
	verb.ApplicationCase:   dossierCase,
	verb.ApplicationPaper:  dossierPaper,
}

// directory tells what everyone who is registered may know.
func directory(_ context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	return verb.Directory{
		Installation: s.Installation,
		Orgs:         sorted(c.reg.Orgs), Users: sorted(c.reg.Users), Processes: sorted(c.reg.Processes),
		Catalogue: sorted(c.reg.Catalogue), Licences: sorted(c.reg.Licences),
	}, nil
}

func sorted[T any](m map[string]T) []T {
	all := make([]T, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		all = append(all, m[id])
	}
	return all
}

// keep asks a rule and keeps the body of a request if it allows it. The facts
// are read again under the lock: between the rule and the record nothing else
// is written.
func keep[T any](ctx context.Context, s *Server, c *call, table records.Table[T], id func(T) string, may func(governance.Register, T) error) (any, error) {
	var body T
	if err := c.Read(&body); err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	if err := may(reg, body); err != nil {
		return nil, err
	}
	rec := records.Record[T]{ID: id(body), Revision: 1, Value: body, Envelope: c.Envelope}
	switch old, err := table.Get(ctx, rec.ID); {
	case err == nil:
		rec.Revision = old.Revision + 1
	case !errors.Is(err, fault.NotFound):
		return nil, err
	}
	return verb.None{}, table.Put(ctx, rec)
}

func addOrg(ctx context.Context, s *Server, c *call) (any, error) {
	return keep(ctx, s, c, s.Records.Orgs, func(o governance.Org) string { return o.ID },
		func(g governance.Register, o governance.Org) error { return g.MayAddOrg(c.By, o) })
}

func addUser(ctx context.Context, s *Server, c *call) (any, error) {
	return keep(ctx, s, c, s.Records.Users, func(u governance.User) string { return u.ID },
		func(g governance.Register, u governance.User) error { return g.MayAddUser(c.By, u, c.now) })
}

func addProcess(ctx context.Context, s *Server, c *call) (any, error) {
	return keep(ctx, s, c, s.Records.Processes, func(p governance.Process) string { return p.Name },
		func(g governance.Register, p governance.Process) error { return g.MayAddProcess(c.By, p) })
}

// revokeProcess keeps a further revision of a process, by the request that
// asked for it, and has the board cut it off before it answers.
func revokeProcess(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	if err := reg.MayRevoke(c.By, name.ID); err != nil {
		return nil, err
	}
	rec, err := s.Records.Processes.Get(ctx, name.ID)
	if err != nil {
		return nil, err
	}
	rec.Revision, rec.Envelope, rec.Value.Revoked = rec.Revision+1, c.Envelope, true
	if err := s.Records.Processes.Put(ctx, rec); err != nil {
		return nil, err
	}
	if s.Revoked != nil {
		s.Revoked()
	}
	return verb.None{}, nil
}

func addEntry(ctx context.Context, s *Server, c *call) (any, error) {
	return keep(ctx, s, c, s.Records.Catalogue, func(e governance.Entry) string { return e.ID },
		func(g governance.Register, e governance.Entry) error { return g.MayCatalogue(c.By, e, c.now) })
}

func grantLicence(ctx context.Context, s *Server, c *call) (any, error) {
	return keep(ctx, s, c, s.Records.Licences, func(l governance.Licence) string { return l.ID },
		func(g governance.Register, l governance.Licence) error { return g.MayLicense(c.By, l, c.now) })
}
