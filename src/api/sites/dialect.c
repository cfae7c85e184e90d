#include "api/sites/dialect.h"

#define VERSION_MAX_BYTES 32

static bool is_number(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static bool is_version(struct tb_str s)
{
	if (s.n > VERSION_MAX_BYTES)
		return false;
	while (s.p)
		if (!is_number(tb_str_cut(&s, '.')))
			return false;
	return true;
}

enum tb_err tb_sites_dialect_of(const struct tb_request *req,
				enum tb_sites_dialect *ret)
{
	struct tb_str version = tb_request_header(req, "version");

	if (version.p && !is_version(version))
		return TB_ERR_UNSUPPORTED;
	*ret = version.p ? TB_SITES_VERSIONED : TB_SITES_PLAIN;
	return TB_OK;
}
