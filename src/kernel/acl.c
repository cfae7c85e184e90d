#include "kernel/acl.h"

#include "base/assert.h"
#include "kernel/acl_form.h"

/* Stands behind a prefix for all that no longer pattern begins with: patterns
 * hold no control characters. */
#define OTHER '\x01'

#define BUCKETS 4

/* The buckets that can match a user and an action; TB_ACL_NONE: no such. */
struct scope {
	uint32_t buckets[BUCKETS];
};

const struct tb_acl *tb_acl_ref(const struct tb_acl *acl)
{
	if (acl != NULL)
		atomic_fetch_add_explicit(acl->refs, 1, memory_order_relaxed);
	return acl;
}

void tb_acl_unref(const struct tb_acl *acl)
{
	if (acl == NULL ||
	    atomic_fetch_sub_explicit(acl->refs, 1, memory_order_acq_rel) != 1)
		return;
	tb_arena_destroy(acl->arena);
}

size_t tb_acl_bytes(const struct tb_acl *acl)
{
	return tb_arena_used(acl->arena);
}

static uint32_t find_bucket(const struct tb_acl *acl, uint32_t user,
			    uint32_t action)
{
	if (user == TB_ACL_NONE || action == TB_ACL_NONE)
		return TB_ACL_NONE;
	return tb_acl_map_find(&acl->buckets, user, action);
}

static struct scope find_scope(const struct tb_acl *acl, struct tb_str user,
			       struct tb_str action)
{
	uint32_t u = tb_acl_words_find(&acl->users, user);
	uint32_t a = tb_acl_words_find(&acl->actions, action);

	return (struct scope) { {
		find_bucket(acl, u, a),
		find_bucket(acl, u, TB_ACL_ANY),
		find_bucket(acl, TB_ACL_ANY, a),
		find_bucket(acl, TB_ACL_ANY, TB_ACL_ANY),
	} };
}

/* The nearest ancestor, or itself, that has at most `n` bytes. */
static uint32_t climb_to_length(const struct tb_acl_prefix *prefixes,
				uint32_t at, size_t n)
{
	while (prefixes[at].text.n > n) {
		const struct tb_acl_link *link = &prefixes[at].link;

		at = prefixes[link->jump].text.n > n ? link->jump
						     : link->parent;
	}
	return at;
}

/* How many bytes the prefix that a step comes by shares with an item, and
 * whether it sorts no later. `known` bytes are shared in any case. */
static size_t compare_step(const struct tb_acl *acl, uint32_t at,
			   struct tb_str item, size_t known,
			   bool *ret_not_later)
{
	const struct tb_acl_step *step = &acl->steps[at];
	uint64_t key = tb_acl_key(item, step->shared);
	struct tb_str text;
	size_t n;

	if (step->key != key) {
		*ret_not_later = step->key < key;
		return step->shared +
		       (size_t)__builtin_clzll(step->key ^ key) / 8;
	}
	text = acl->prefixes[at].text;
	n = tb_acl_common_bytes(text, item, known);
	*ret_not_later = n == text.n ||
			 (n < item.n &&
			  (unsigned char)text.p[n] < (unsigned char)item.p[n]);
	return n;
}

/* The longest prefix of an item. Between `low`, which sorts no later than the
 * item, and `high`, which sorts later, all texts share with it what these two
 * share. */
static uint32_t longest_prefix(const struct tb_acl *acl, struct tb_str item)
{
	uint32_t low = 0;
	uint32_t high = acl->n_prefixes;
	size_t low_common = 0;
	size_t high_common = 0;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		size_t known =
			low_common < high_common ? low_common : high_common;
		bool not_later;
		size_t n = compare_step(acl, middle, item, known, &not_later);

		if (not_later) {
			low = middle;
			low_common = n;
		} else {
			high = middle;
			high_common = n;
		}
	}
	return climb_to_length(acl->prefixes, low, low_common);
}

/* The lowest rule of a bucket whose pattern is this prefix or one of its
 * ancestors. */
static uint32_t prefix_rule(const struct tb_acl *acl,
			    const struct tb_acl_bucket *bucket, uint32_t prefix)
{
	const struct tb_acl_node *nodes = &acl->nodes[bucket->first_node];
	const uint32_t *numbers = &acl->node_prefixes[bucket->first_node];
	uint32_t low = 0;

	/* Without a branch that the processor would guess wrong every other
	 * time. */
	for (uint32_t n = bucket->n_nodes; n > 1;) {
		uint32_t half = n / 2;

		low += (numbers[low + half] <= prefix) * half;
		n -= half;
	}
	while (nodes[low].end < prefix) {
		const struct tb_acl_link *link = &nodes[low].link;

		low = nodes[link->jump].end < prefix ? link->jump
						     : link->parent;
	}
	return nodes[low].rule;
}

/* The first rule that matches, or none. */
static uint32_t first_rule(const struct tb_acl *acl, const struct scope *scope,
			   struct tb_str item)
{
	uint32_t word = tb_acl_words_find(&acl->items, item);
	uint32_t prefix = longest_prefix(acl, item);
	uint32_t first = TB_ACL_NONE;

	for (size_t i = 0; i < BUCKETS; i++) {
		uint32_t bucket = scope->buckets[i];
		uint32_t rule;

		if (bucket == TB_ACL_NONE)
			continue;
		rule = prefix_rule(acl, &acl->bucket_list[bucket], prefix);
		if (rule < first)
			first = rule;
		if (word == TB_ACL_NONE)
			continue;
		rule = tb_acl_map_find(&acl->exact, bucket, word);
		if (rule < first)
			first = rule;
	}
	return first;
}

bool tb_acl_allows(const struct tb_acl *acl, struct tb_str user,
		   struct tb_str item, struct tb_str action)
{
	struct scope scope;
	uint32_t rule;

	if (acl == NULL)
		return true;
	scope = find_scope(acl, user, action);
	rule = first_rule(acl, &scope, item);
	return rule != TB_ACL_NONE && acl->allows[rule];
}

bool tb_acl_governs_view(const struct tb_acl *acl)
{
	return acl != NULL && acl->governs_view;
}

bool tb_acl_may_view(const struct tb_acl *acl, struct tb_str user,
		     struct tb_str item)
{
	return !tb_acl_governs_view(acl) ||
	       tb_acl_allows(acl, user, item, TB_STR(TB_ACL_VIEW));
}

/*
 * What holds for all items is asked of few: for each pattern that of an exact
 * item, or, of a prefix, an item below it that no longer pattern matches.
 *
 * They are enough. Say that an item is allowed by one rule and denied by
 * another list's. If one of the two patterns is exact, it is the item asked
 * of. Else both are prefixes of the item; what was asked of the longer one
 * matches both, and no rule that does not match the item, so that the same two
 * rules come first. So only patterns need be asked of whose rules decide as is
 * looked for.
 */
typedef bool item_fn(void *ctx, struct tb_str item);

struct asking {
	const struct tb_acl *acl;
	bool allow;     /* patterns of rules that do, or those that do not */
	uint32_t below; /* and are lower */
	item_fn *fn;
	void *ctx;
};

static bool is_asked_of(const struct asking *asking, uint32_t rule)
{
	return rule < asking->below &&
	       asking->acl->allows[rule] == asking->allow;
}

static bool ask_prefix(const struct asking *asking, uint32_t prefix)
{
	struct tb_str text = asking->acl->prefixes[prefix].text;
	char item[TB_ACL_PATTERN_MAX_BYTES];

	TB_ASSERT(text.n < sizeof(item));
	if (text.n > 0)
		memcpy(item, text.p, text.n);
	item[text.n] = OTHER;
	return asking->fn(asking->ctx, tb_str(item, text.n + 1));
}

static bool ask_bucket(const struct asking *asking, uint32_t number)
{
	const struct tb_acl *acl = asking->acl;
	const struct tb_acl_bucket *bucket = &acl->bucket_list[number];
	const struct tb_acl_node *nodes = &acl->nodes[bucket->first_node];
	const struct tb_acl_exact *exact =
		&acl->exact_list[bucket->first_exact];

	for (uint32_t i = 0; i < bucket->n_nodes; i++)
		if (nodes[i].rule != TB_ACL_NONE &&
		    is_asked_of(asking, nodes[i].rule) &&
		    ask_prefix(asking,
			       acl->node_prefixes[bucket->first_node + i]))
			return true;
	for (uint32_t i = 0; i < bucket->n_exact; i++)
		if (is_asked_of(asking, exact[i].rule) &&
		    asking->fn(asking->ctx, acl->items.texts[exact[i].item]))
			return true;
	return false;
}

/* True if it is true of one of the items. */
static bool ask(const struct asking *asking, struct tb_str user)
{
	struct scope scope = find_scope(asking->acl, user, TB_STR(TB_ACL_VIEW));

	for (size_t i = 0; i < BUCKETS; i++)
		if (scope.buckets[i] != TB_ACL_NONE &&
		    ask_bucket(asking, scope.buckets[i]))
			return true;
	return false;
}

struct viewer {
	const struct tb_acl *before;
	const struct tb_acl *after;
	struct tb_str user;
};

static bool is_hidden(void *ctx, struct tb_str item)
{
	const struct viewer *viewer = ctx;

	return !tb_acl_may_view(viewer->after, viewer->user, item);
}

static bool is_gained(void *ctx, struct tb_str item)
{
	const struct viewer *viewer = ctx;

	return tb_acl_may_view(viewer->after, viewer->user, item) &&
	       !tb_acl_may_view(viewer->before, viewer->user, item);
}

bool tb_acl_views_all(const struct tb_acl *acl, struct tb_str user)
{
	struct viewer viewer = { .after = acl, .user = user };
	struct asking asking = { .acl = acl, .fn = is_hidden, .ctx = &viewer };
	const char other[] = { OTHER };
	struct scope scope;

	if (!tb_acl_governs_view(acl))
		return true;
	/* What matches no pattern but `*` is decided by a rule that matches
	 * everything, so that only those before it can make a difference. */
	scope = find_scope(acl, user, TB_STR(TB_ACL_VIEW));
	asking.below = first_rule(acl, &scope, tb_str(other, sizeof(other)));
	return asking.below != TB_ACL_NONE && acl->allows[asking.below] &&
	       !ask(&asking, user);
}

bool tb_acl_widens(const struct tb_acl *before, const struct tb_acl *after,
		   struct tb_str user)
{
	struct viewer viewer = { before, after, user };
	struct asking asking = { .below = TB_ACL_NONE,
				 .fn = is_gained,
				 .ctx = &viewer };

	if (before == after || tb_acl_views_all(before, user))
		return false;
	if (tb_acl_views_all(after, user))
		return true;
	asking.acl = before;
	if (ask(&asking, user))
		return true;
	asking.acl = after;
	asking.allow = true;
	return ask(&asking, user);
}
