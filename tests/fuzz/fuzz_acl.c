/*
 * Access rules: whatever list is put, it is refused with its flaw or decides
 * as its rules do one by one. A line behind the list is what is asked: user,
 * item and action, parted by tabs; without one, the list's own patterns are.
 */
#include "fuzz.h"

#include "../unit/kernel/naive_acl.h"

#define ARENA_MAX ((size_t)64 << 20)
#define ASKED_MAX 16

static void compare(const struct tb_acl *acl, const struct naive_acl *naive,
		    struct tb_str user, struct tb_str item,
		    struct tb_str action)
{
	bool may = naive_may_view(naive, user, item);

	TB_ASSERT(tb_acl_allows(acl, user, item, action) ==
		  naive_allows(naive, user, item, action));
	TB_ASSERT(tb_acl_may_view(acl, user, item) == may);
	TB_ASSERT(may || !tb_acl_views_all(acl, user));
	TB_ASSERT(tb_acl_widens(acl, NULL, user) ==
		  !tb_acl_views_all(acl, user));
	TB_ASSERT(!tb_acl_widens(acl, acl, user));
}

/* One rule's user and item with another's action: whole, and with the last
 * byte cut off. */
static void ask_patterns(const struct tb_acl *acl,
			 const struct naive_acl *naive)
{
	size_t n = naive->n < ASKED_MAX ? naive->n : ASKED_MAX;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			struct tb_str item = naive->rules[k].item;
			struct tb_str user = naive->rules[i].user;
			struct tb_str action = naive->rules[(i + k) % n].action;

			compare(acl, naive, user, item, action);
			item.n--;
			compare(acl, naive, user, item, action);
		}
}

static void decide(const struct tb_acl_rule *rules, size_t n,
		   struct tb_str asked)
{
	struct naive_acl naive = { rules, n };
	struct tb_str user = tb_str_cut(&asked, '\t');
	struct tb_str item = tb_str_cut(&asked, '\t');
	const struct tb_acl *acl;
	enum tb_err err = tb_acl_compile(rules, n, &acl);

	TB_ASSERT(err == TB_OK);
	compare(acl, &naive, user, item, asked);
	ask_patterns(acl, &naive);
	tb_acl_unref(acl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_acl_flaw flaw = { .what = NULL };
	const struct tb_acl_rule *rules;
	struct tb_str asked = fuzz_input(data, n);
	struct tb_str text = tb_str_cut(&asked, '\n');
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	size_t n_rules;
	enum tb_err err;

	TB_ASSERT(arena != NULL);
	err = tb_acl_parse(arena, text, &rules, &n_rules, &flaw);
	TB_ASSERT(err == TB_OK || (err == TB_ERR_INVALID && flaw.what != NULL));
	if (err == TB_OK)
		decide(rules, n_rules, asked);
	tb_arena_destroy(arena);
	return 0;
}
