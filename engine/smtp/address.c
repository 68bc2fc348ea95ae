/*
 * address.c - reverse-paths and forward-paths, read straight through.
 *
 * Each part is a function that moves a cursor or fails. Two tolerances, because real mail needs
 * them: dots may stand anywhere in an unquoted local part, and domain labels may hold underscores.
 * Nothing is normalised: what goes on is what was written, framed anew by the client machine.
 *
 * What it does not do: it resolves nothing and does not ask whether the domain is ours.
 *
 * RFC 5321 4.1.2, 4.1.3; RFC 6531 3.3 (UTF-8 in both parts, well-formed per RFC 3629).
 */
#include "smtp/address.h"

#include "base/addr.h"

#define LABEL_MAX 63u /* RFC 1035 2.3.4; for U-labels an upper bound of the same size serves */
#define ROUTE_HOPS_MAX 16u

struct cursor {
	const uint8_t *data;
	size_t at;
	size_t bytes;
};

static bool _route(struct cursor *c);
static bool _local(struct cursor *c);
static bool _quoted(struct cursor *c);
static bool _domain(struct cursor *c);
static bool _label(struct cursor *c);
static bool _literal(struct cursor *c);
static size_t _utf8_bytes(struct span s);
static bool _has_utf8(struct span s);
static enum smtp_path_outcome _judge(const struct smtp_mailbox *box);

static int _next(const struct cursor *c)
{
	return c->at < c->bytes ? c->data[c->at] : -1;
}

static bool _skip(struct cursor *c, char wanted)
{
	if (_next(c) != wanted)
		return false;
	c->at++;
	return true;
}

static struct span _from(const struct cursor *c, size_t begin)
{
	return span_of(c->data + begin, c->at - begin);
}

enum smtp_path_outcome smtp_path_parse(struct span text, struct smtp_mailbox *box,
                                       struct span *rest)
{
	struct cursor c = { .data = text.data, .at = 0, .bytes = text.bytes };

	*box = (struct smtp_mailbox){ .literal = false };
	*rest = SPAN_NONE;
	if (!_skip(&c, '<'))
		return SMTP_PATH_SYNTAX;
	if (_skip(&c, '>')) {
		*rest = span_after(text, c.at);
		return SMTP_PATH_NULL;
	}
	if (!_route(&c))
		return SMTP_PATH_SYNTAX;
	size_t begin = c.at;
	if (!_local(&c))
		return SMTP_PATH_SYNTAX;
	box->local = _from(&c, begin);
	if (_skip(&c, '@')) {
		size_t domain = c.at;
		box->literal = _next(&c) == '[';
		if (box->literal ? !_literal(&c) : !_domain(&c))
			return SMTP_PATH_SYNTAX;
		box->domain = _from(&c, domain);
	} else if (!span_equal_nocase(box->local, SPAN("postmaster"))) {
		return SMTP_PATH_SYNTAX;
	}
	box->path = _from(&c, begin);
	if (!_skip(&c, '>'))
		return SMTP_PATH_SYNTAX;
	*rest = span_after(text, c.at);
	box->utf8 = _has_utf8(box->path);
	return _judge(box);
}

static enum smtp_path_outcome _judge(const struct smtp_mailbox *box)
{
	if (box->local.bytes > SMTP_LOCAL_PART_MAX || box->domain.bytes > SMTP_DOMAIN_MAX)
		return SMTP_PATH_LONG;
	return box->path.bytes + 2 > SMTP_PATH_MAX ? SMTP_PATH_LONG : SMTP_PATH_OK;
}

/* "@a,@b:" is accepted and ignored (RFC 5321 appendix C). */
static bool _route(struct cursor *c)
{
	if (_next(c) != '@')
		return true;
	for (uint32_t hop = 0; hop < ROUTE_HOPS_MAX; hop++) {
		if (!_skip(c, '@') || !_domain(c))
			return false;
		if (_skip(c, ':'))
			return true;
		if (!_skip(c, ','))
			return false;
	}
	return false;
}

/* atext of RFC 5322 3.2.3, and the dot. */
static bool _is_atom(int byte)
{
	static const char specials[] = "()<>[]:;@\\,\"";

	if (byte <= ' ' || byte >= 0x7f)
		return false;
	for (size_t i = 0; i < sizeof(specials) - 1; i++)
		if (byte == specials[i])
			return false;
	return true;
}

/* One well-formed UTF-8 sequence beyond ASCII. */
static bool _utf8(struct cursor *c)
{
	size_t bytes = _utf8_bytes(span_of(c->data + c->at, c->bytes - c->at));

	c->at += bytes;
	return bytes != 0;
}

static bool _local(struct cursor *c)
{
	size_t begin = c->at;

	if (_next(c) == '"')
		return _quoted(c);
	for (;;) {
		int byte = _next(c);
		if (_is_atom(byte))
			c->at++;
		else if (byte < 0x80 || !_utf8(c))
			break;
	}
	return c->at > begin && _next(c) < 0x80;
}

/* RFC 5321 4.1.2 Quoted-string: no controls, not even behind a backslash. */
static bool _quoted(struct cursor *c)
{
	if (!_skip(c, '"'))
		return false;
	for (;;) {
		int byte = _next(c);
		if (byte == '"')
			return _skip(c, '"');
		if (byte == '\\') {
			c->at++;
			byte = _next(c);
			if (byte >= 0x80)
				return false;
		}
		if (byte >= 0x80) {
			if (!_utf8(c))
				return false;
		} else if (byte < ' ' || byte == 0x7f) {
			return false;
		} else {
			c->at++;
		}
	}
}

static bool _domain(struct cursor *c)
{
	do {
		if (!_label(c))
			return false;
	} while (_skip(c, '.'));
	return true;
}

static bool _is_label_byte(int byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_';
}

static bool _label(struct cursor *c)
{
	size_t begin = c->at;

	for (;;) {
		int byte = _next(c);
		if (_is_label_byte(byte))
			c->at++;
		else if (byte < 0x80 || !_utf8(c))
			break;
	}
	size_t bytes = c->at - begin;
	if (bytes == 0 || bytes > LABEL_MAX || _next(c) >= 0x80)
		return false;
	return c->data[begin] != '-' && c->data[c->at - 1] != '-';
}

/* "[198.18.0.1]" or "[IPv6:2001:2::1]" (RFC 5321 4.1.3); general literals have no registered tag to
 * obey. */
static bool _literal(struct cursor *c)
{
	struct ip_addr addr;

	if (!_skip(c, '['))
		return false;
	size_t begin = c->at;
	while (_next(c) > ' ' && _next(c) < 0x7f && _next(c) != ']')
		c->at++;
	struct span inside = _from(c, begin);
	bool v6 = span_starts_nocase(inside, SPAN("IPv6:"));
	if (!ip_addr_parse(v6 ? span_after(inside, 5) : inside, &addr))
		return false;
	return addr.family == (v6 ? IP_V6 : IP_V4) && _skip(c, ']');
}

static bool _is_tail(struct span s, size_t count)
{
	if (s.bytes < count + 1)
		return false;
	for (size_t i = 1; i <= count; i++)
		if ((s.data[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* Length of the well-formed multi-byte sequence at the start (RFC 3629 4), 0 when it is none. */
static size_t _utf8_bytes(struct span s)
{
	if (s.bytes < 2)
		return 0;
	uint8_t first = s.data[0];
	uint8_t second = s.data[1];
	if (first >= 0xc2 && first <= 0xdf)
		return _is_tail(s, 1) ? 2 : 0;
	if (first >= 0xe0 && first <= 0xef) {
		bool overlong = first == 0xe0 && second < 0xa0;
		bool surrogate = first == 0xed && second > 0x9f;
		return _is_tail(s, 2) && !overlong && !surrogate ? 3 : 0;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		bool overlong = first == 0xf0 && second < 0x90;
		bool beyond = first == 0xf4 && second > 0x8f;
		return _is_tail(s, 3) && !overlong && !beyond ? 4 : 0;
	}
	return 0;
}

static bool _has_utf8(struct span s)
{
	for (size_t i = 0; i < s.bytes; i++)
		if (s.data[i] >= 0x80)
			return true;
	return false;
}
