/*
 * The access rules as their contract tells them, one rule after the other:
 * what the compiled form is compared with.
 */
#ifndef TB_TESTS_NAIVE_ACL_H
#define TB_TESTS_NAIVE_ACL_H

#include "kernel/acl.h"

struct naive_acl {
	const struct tb_acl_rule *rules;
	size_t n;
};

static inline bool naive_matches(struct tb_str pattern, struct tb_str text)
{
	return tb_str_eq(pattern, TB_STR("*")) || tb_str_eq(pattern, text);
}

static inline bool naive_matches_item(struct tb_str pattern, struct tb_str item)
{
	if (!tb_str_ends(pattern, TB_STR("*")))
		return tb_str_eq(pattern, item);
	return tb_str_starts(item, tb_str(pattern.p, pattern.n - 1));
}

/* "Rules are tried in list order, the first match decides, none denies." */
static inline bool naive_allows(const struct naive_acl *acl, struct tb_str user,
				struct tb_str item, struct tb_str action)
{
	for (size_t i = 0; i < acl->n; i++) {
		const struct tb_acl_rule *rule = &acl->rules[i];

		if (naive_matches(rule->user, user) &&
		    naive_matches_item(rule->item, item) &&
		    naive_matches(rule->action, action))
			return rule->allow;
	}
	return false;
}

/* "Once any `view` or `*` rule exists in the list." */
static inline bool naive_governs_view(const struct naive_acl *acl)
{
	for (size_t i = 0; i < acl->n; i++)
		if (naive_matches(acl->rules[i].action, TB_STR("view")))
			return true;
	return false;
}

static inline bool naive_may_view(const struct naive_acl *acl,
				  struct tb_str user, struct tb_str item)
{
	return !naive_governs_view(acl) ||
	       naive_allows(acl, user, item, TB_STR("view"));
}

#endif
