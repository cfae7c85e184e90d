/*
 * Access rules: who may do what to which item. A list of rules is tried in
 * order and the first that matches decides; where none does, it is denied. A
 * list is compiled once, when it changes, and then decides in well under a
 * microsecond whatever its length. Pure; a compiled list never changes, is
 * counted, and is shared by threads.
 */
#ifndef TB_KERNEL_ACL_H
#define TB_KERNEL_ACL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* `user` and `action`: a name, or `*` for any. `item`: a name, `*`, or the
 * beginning of names with a `*` behind it. */
struct tb_acl_rule {
	struct tb_str user;
	struct tb_str item;
	struct tb_str action;
	bool allow;
};

#define TB_ACL_RULES_MAX 10000
#define TB_ACL_PATTERN_MAX_BYTES 512
/* A list as it is written; longer than one of the longest rules. */
#define TB_ACL_TEXT_MAX_BYTES ((size_t)16 << 20)
/* The action that reading asks for. */
#define TB_ACL_VIEW "view"

/* What is wrong with a list. */
struct tb_acl_flaw {
	size_t rule;      /* its index; SIZE_MAX: the list as a whole */
	const char *what; /* static: "unknown field", "item: a star inside" */
};

/* Reads `{"rules":[{"user","item","action","allow"}, ...]}`. Strings live in
 * the text or in the arena. INVALID with a flaw: no JSON, an unknown, missing
 * or repeated field, a wrong type, an empty pattern, one that is too long,
 * holds a control character or a star that is not its end (`user`, `action`:
 * not all of it), more than TB_ACL_RULES_MAX rules, over
 * TB_ACL_TEXT_MAX_BYTES. NOMEM, TOO_LARGE (for the arena). */
enum tb_err tb_acl_parse(struct tb_arena *arena, struct tb_str text,
			 const struct tb_acl_rule **ret, size_t *ret_n,
			 struct tb_acl_flaw *ret_flaw) tb_must_check;

struct tb_acl;

/* Compiles rules, copying what it needs. One reference, the caller's. NOMEM. */
enum tb_err tb_acl_compile(const struct tb_acl_rule *rules, size_t n,
			   const struct tb_acl **ret) tb_must_check;
const struct tb_acl *tb_acl_ref(const struct tb_acl *acl); /* takes NULL */
void tb_acl_unref(const struct tb_acl *acl);               /* takes NULL */
size_t tb_acl_bytes(const struct tb_acl *acl);

/* True if the rules let `user` do `action` to `item`. `acl` NULL: no rules
 * were ever set, and all is allowed. */
bool tb_acl_allows(const struct tb_acl *acl, struct tb_str user,
		   struct tb_str item, struct tb_str action);
/* True if reading is governed: a rule for `view` or for any action is in the
 * list. Else every user sees every item. */
bool tb_acl_governs_view(const struct tb_acl *acl);
bool tb_acl_may_view(const struct tb_acl *acl, struct tb_str user,
		     struct tb_str item);
/* True if `user` may view every item there could be, so that nothing need be
 * looked at. Exact, like the next. */
bool tb_acl_views_all(const struct tb_acl *acl, struct tb_str user);
/* True if there could be an item that `user` may view under `after` and may
 * not under `before`. */
bool tb_acl_widens(const struct tb_acl *before, const struct tb_acl *after,
		   struct tb_str user);

#endif
