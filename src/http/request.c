#include "http/request.h"

#include "http/encoding.h"
#include "http/uri.h"

struct tb_str tb_request_header(const struct tb_request *req, const char *name)
{
	struct tb_str wanted = tb_str_z(name);
	size_t i;

	for (i = 0; i < req->n_headers; i++)
		if (tb_str_eq_nocase(req->headers[i].name, wanted))
			return req->headers[i].value;
	return TB_STR_NONE;
}

/* True if a parameter's name, which may be escaped, is the wanted one. A name
 * that cannot be decoded is nobody's. */
static bool is_named(struct tb_arena *arena, struct tb_str name,
		     struct tb_str wanted)
{
	struct tb_str decoded;

	return tb_str_eq(name, wanted) ||
	       (!tb_uri_decode(arena, name, true, &decoded) &&
		tb_str_eq(decoded, wanted));
}

enum tb_err tb_request_query(const struct tb_request *req, const char *name,
			     struct tb_str *ret)
{
	struct tb_str wanted = tb_str_z(name);
	struct tb_str rest = req->query;

	while (rest.p) {
		struct tb_str value = tb_str_cut(&rest, '&');
		struct tb_str key = tb_str_cut(&value, '=');

		if (!is_named(req->arena, key, wanted))
			continue;
		if (!value.p)
			value = TB_STR("");
		return tb_uri_decode(req->arena, value, true, ret);
	}
	*ret = TB_STR_NONE;
	return TB_OK;
}

enum tb_err tb_request_query_u64(const struct tb_request *req, const char *name,
				 uint64_t absent, uint64_t *ret)
{
	struct tb_str text;
	enum tb_err err = tb_request_query(req, name, &text);

	if (err)
		return err;
	if (text.p)
		return tb_str_to_u64(text, ret);
	*ret = absent;
	return TB_OK;
}

bool tb_request_is_json(const struct tb_request *req)
{
	struct tb_str type = tb_request_header(req, "Content-Type");

	return !type.p || tb_encoding_is_json(type);
}
