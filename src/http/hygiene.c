#include "http/hygiene.h"

#include "http/uri.h"

#define VERSION_LEN 8 /* "HTTP/1.1" */

bool tb_hygiene_is_token(struct tb_str s)
{
	static const char symbols[] = "!#$%&'*+-.^_`|~";
	size_t i;

	for (i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') &&
		    !memchr(symbols, c, sizeof(symbols) - 1))
			return false;
	}
	return s.n > 0;
}

bool tb_hygiene_is_field_value(struct tb_str s)
{
	unsigned char others = 0;
	size_t i;

	/* Without a way out, so that many bytes are looked at in one step. */
	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		others |= (c < 0x20 && c != '\t') || c == 0x7f;
	}
	return !others;
}

static const char *check_header(const struct tb_header *header)
{
	if (!tb_hygiene_is_token(header->name))
		return "a header name has a character that none may have";
	if (!tb_hygiene_is_field_value(header->value))
		return "a header has a control character";
	return NULL;
}

/* The values of the headers that framing, routing and permission hang on, and
 * how often each was sent. */
struct decisive {
	struct tb_str length;
	struct tb_str coding;
	size_t lengths;
	size_t codings;
	size_t hosts;
	size_t authorizations;
};

static void note_decisive(const struct tb_header *header, struct decisive *d)
{
	if (tb_str_eq_nocase(header->name, TB_STR("Content-Length"))) {
		d->length = header->value;
		d->lengths++;
	} else if (tb_str_eq_nocase(header->name,
				    TB_STR("Transfer-Encoding"))) {
		d->coding = header->value;
		d->codings++;
	} else if (tb_str_eq_nocase(header->name, TB_STR("Host"))) {
		d->hosts++;
	} else if (tb_str_eq_nocase(header->name, TB_STR("Authorization"))) {
		d->authorizations++;
	}
}

static const char *check_coding(const struct decisive *d, bool is_http_1_0,
				struct tb_framing *framing)
{
	/* A server that gets both "ought to" take it for an attack (RFC 9112,
	 * 6.3); HTTP/1.0 has no codings (6.1). */
	if (d->lengths > 0)
		return "Content-Length together with Transfer-Encoding";
	if (d->codings > 1 || !tb_str_eq_nocase(d->coding, TB_STR("chunked")) ||
	    is_http_1_0)
		return "a Transfer-Encoding other than chunked";
	framing->kind = TB_FRAMING_CHUNKED;
	return NULL;
}

static const char *check_framing(const struct decisive *d, bool is_http_1_0,
				 struct tb_framing *ret)
{
	struct tb_framing framing = { .kind = TB_FRAMING_NONE };

	if (d->hosts > 1)
		return "more than one Host";
	if (d->hosts == 0 && !is_http_1_0)
		return "no Host";
	/* A proxy may have looked at another one. */
	if (d->authorizations > 1)
		return "more than one Authorization";
	if (d->codings > 0) {
		const char *why = check_coding(d, is_http_1_0, &framing);

		if (why)
			return why;
	} else if (d->lengths > 1) {
		return "more than one Content-Length";
	} else if (d->lengths == 1) {
		if (tb_str_to_u64(d->length, &framing.length_bytes))
			return "a Content-Length that is no number";
		framing.kind = TB_FRAMING_LENGTH;
	}
	*ret = framing;
	return NULL;
}

/* Steps over `n` NULs; false: others stand there, or the head ends. */
static bool skip_nuls(const char **at, const char *end, size_t n)
{
	for (; n > 0; n--)
		if (*at == end || *(*at)++ != '\0')
			return false;
	return true;
}

static bool skip_slice(const char **at, const char *end, struct tb_str s)
{
	if (*at != s.p || s.n > (size_t)(end - *at))
		return false;
	*at += s.n;
	return true;
}

/*
 * True if the slices and what libmicrohttpd writes between them fill the head
 * without a gap: one space on each side of the target, CR LF behind every
 * line, each value in the line of its name. A NUL, a bare CR or LF, a folded
 * line or a second space shows as a gap.
 */
static bool is_seamless(const struct tb_head *head)
{
	const char *at = head->raw.p, *end = at + head->raw.n;
	size_t i;

	if (!skip_slice(&at, end, head->method) || !skip_nuls(&at, end, 1))
		return false;
	if ((size_t)(end - at) < head->target.n)
		return false;
	at += head->target.n;
	if (!skip_nuls(&at, end, 1) || at != head->version ||
	    !skip_slice(&at, end, tb_str(at, VERSION_LEN)) ||
	    !skip_nuls(&at, end, 2))
		return false;
	for (i = 0; i < head->n_headers; i++) {
		if (!skip_slice(&at, end, head->headers[i].name) ||
		    !skip_nuls(&at, end, 1))
			return false;
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if (!skip_slice(&at, end, head->headers[i].value) ||
		    !skip_nuls(&at, end, 2))
			return false;
	}
	return skip_nuls(&at, end, 2) && at == end;
}

const char *tb_hygiene_check(const struct tb_head *head, struct tb_framing *ret)
{
	struct decisive d = { .lengths = 0 };
	size_t i;

	if (!tb_hygiene_is_token(head->method) ||
	    !tb_uri_is_valid(head->target))
		return "a request line that is malformed";
	for (i = 0; i < head->n_headers; i++) {
		const char *why = check_header(&head->headers[i]);

		if (why)
			return why;
		note_decisive(&head->headers[i], &d);
	}
	if (!is_seamless(head))
		return "a header that is folded or has a control character";
	return check_framing(&d, memcmp(head->version, "HTTP/1.0", 8) == 0,
			     ret);
}

/* Cuts the next line, ended by LF; false: there is no whole one. The CR in
 * front of it is part of the line. */
static bool cut_line(struct tb_str *rest, struct tb_str *line)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!lf)
		return false;
	*line = tb_str(rest->p, (size_t)(lf - rest->p));
	*rest = tb_str(lf + 1, rest->n - line->n - 1);
	return true;
}

static bool drop_cr(struct tb_str *line)
{
	if (line->n == 0 || line->p[line->n - 1] != '\r')
		return false;
	line->n--;
	return true;
}

static const char *scan_header(struct tb_str line, struct decisive *d)
{
	struct tb_header header = { .value = line };
	const char *why;

	header.name = tb_str_cut(&header.value, ':');
	if (!header.value.p)
		return "a header without a colon";
	while (header.value.n > 0 &&
	       (header.value.p[0] == ' ' || header.value.p[0] == '\t'))
		header.value = tb_str(header.value.p + 1, header.value.n - 1);
	why = check_header(&header);
	if (!why)
		note_decisive(&header, d);
	return why;
}

const char *tb_hygiene_scan(struct tb_str bytes)
{
	struct tb_framing framing;
	struct decisive d = { .lengths = 0 };
	struct tb_str rest = bytes, line, first;

	if (!cut_line(&rest, &first) || !drop_cr(&first))
		return NULL;
	while (cut_line(&rest, &line)) {
		const char *why;

		if (!drop_cr(&line))
			return "a line that does not end with CR LF";
		if (line.n == 0)
			return check_framing(
				&d, tb_str_ends(first, TB_STR("HTTP/1.0")),
				&framing);
		why = scan_header(line, &d);
		if (why)
			return why;
	}
	return NULL;
}
