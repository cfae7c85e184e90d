#include "http/policy.h"

#include "base/alloc.h"

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static enum tb_err copy_origins(struct tb_policy *policy,
				const char *const *origins, size_t n)
{
	for (; policy->n_origins < n; policy->n_origins++) {
		struct tb_str origin = tb_str_z(origins[policy->n_origins]);
		char *copy;

		if (!tb_address_is_origin(origin))
			return TB_ERR_INVALID;
		copy = tb_strdup(origin);
		if (!copy)
			return TB_ERR_NOMEM;
		policy->origins[policy->n_origins] = tb_str(copy, origin.n);
	}
	return TB_OK;
}

static enum tb_err parse_proxies(struct tb_policy *policy,
				 const char *const *proxies, size_t n)
{
	for (; policy->n_proxies < n; policy->n_proxies++) {
		enum tb_err err =
			tb_cidr_parse(tb_str_z(proxies[policy->n_proxies]),
				      &policy->proxies[policy->n_proxies]);

		if (err)
			return err;
	}
	return TB_OK;
}

enum tb_err tb_policy_init(struct tb_policy *policy, const char *const *origins,
			   const char *const *proxies)
{
	size_t n_origins = count(origins), n_proxies = count(proxies);
	struct tb_policy made = {
		.origins = tb_calloc(n_origins, sizeof(*made.origins)),
		.proxies = tb_calloc(n_proxies, sizeof(*made.proxies)),
	};
	enum tb_err err = TB_ERR_NOMEM;

	if (made.origins && made.proxies)
		err = copy_origins(&made, origins, n_origins);
	if (!err)
		err = parse_proxies(&made, proxies, n_proxies);
	if (err)
		tb_policy_fini(&made);
	else
		*policy = made;
	return err;
}

void tb_policy_fini(struct tb_policy *policy)
{
	size_t i;

	for (i = 0; i < policy->n_origins; i++)
		tb_free((char *)policy->origins[i].p);
	tb_free(policy->origins);
	tb_free(policy->proxies);
	*policy = (struct tb_policy) { .n_origins = 0 };
}
