package papers

import (
	"github.com/yunei/yunei/governance/profile"
)

// For lists why data of the entry cannot be had by a channel: what it is, and
// what the channel asks of it. The entry itself is for Check.
func (s Sheet) For(p profile.Profile, channel string) []Missing {
	c := begin(p)
	s.by(c, channel, "")
	return c.said
}

// by is For, of a field with a prefix.
func (s Sheet) by(c *checker, channel, at string) {
	c.need(s.Secrecy == None, at+"secrecy", "涉密数据（或未说明是否涉密）不得进入平台", "state secrets, and data of which it is not said, are refused", "secrets.refused")
	switch channel {
	case profile.BySharing:
		c.need(s.Negative != Listed, at+"negative", "负面清单内的数据不予共享", "what the negative list holds is not shared", "negative_list.kept")
		c.need(s.Share == Unconditional || s.Share == Conditional, at+"share", "该数据不予共享", "the data are not shared", "share.types")
	case profile.ByOpening:
		c.need(s.Negative != Listed, at+"negative", "负面清单内的数据不予开放", "what the negative list holds is not opened", "negative_list.kept")
		c.need(s.Open == Unconditional || s.Open == Conditional, at+"open", "该数据不予开放", "the data are not opened", "open.types")
	case profile.ByOperation:
		c.ask(s.Negative != Listed, at+"negative", "负面清单内的数据不得授权运营", "what the negative list holds is not for operation", "negative_list.bars_authop")
		c.ask(text(s.Registration), at+"registration", "纳入授权运营的资源须先登记（登记码）", "a resource for operation is registered first", "authop.registration")
	default:
		c.need(false, at+"channel", "不是法定用数渠道", "no lawful channel", "channel.kinds")
	}
}
