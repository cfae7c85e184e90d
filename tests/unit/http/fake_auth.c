#include "fake_auth.h"

#include <stdatomic.h>

static atomic_long refs;

static const struct tb_principal user = {
	.kind = TB_PRINCIPAL_USER,
	.name = { "the-user", 8 },
};
static const struct tb_principal site = {
	.kind = TB_PRINCIPAL_SITE,
	.name = { "the-site", 8 },
};

long fake_auth_refs(void)
{
	return atomic_load(&refs);
}

const struct tb_principal *tb_principal_ref(const struct tb_principal *p)
{
	atomic_fetch_add(&refs, 1);
	return p;
}

void tb_principal_unref(const struct tb_principal *p)
{
	if (p)
		atomic_fetch_sub(&refs, 1);
}

bool tb_principal_is(const struct tb_principal *p, unsigned who)
{
	if (!p)
		return (who & TB_WHO_ANYONE) != 0;
	return (who & (p->kind == TB_PRINCIPAL_USER ? TB_WHO_USER
						    : TB_WHO_SITE)) != 0;
}

static struct tb_auth_result accept(const struct tb_principal *p)
{
	return (struct tb_auth_result) { .outcome = TB_AUTH_OK,
					 .principal = tb_principal_ref(p) };
}

struct tb_auth_result tb_auth_check(struct tb_auth *auth,
				    const struct tb_credentials *credentials,
				    bool may_block)
{
	struct tb_str text = credentials->authorization;
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED,
					 .failure = TB_AUTH_WRONG };

	(void)auth;
	if (tb_str_eq(text, TB_STR("user")))
		return accept(&user);
	if (tb_str_eq(text, TB_STR("site")))
		return accept(&site);
	if (tb_str_eq(text, TB_STR("slow")) && may_block)
		return accept(&user);
	if (tb_str_starts(text, TB_STR("slow")) && !may_block)
		result.outcome = TB_AUTH_WOULD_BLOCK;
	if (!text.p)
		result.failure = TB_AUTH_MISSING;
	return result;
}
