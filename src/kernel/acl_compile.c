/*
 * Brings rules into the form that decides (kernel/acl_form.h). Time is that of
 * one sort, memory linear.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "kernel/acl.h"
#include "kernel/acl_form.h"

/* Texts that are as long as they may be, and what is made of them. */
#define ACL_MAX_BYTES ((size_t)64 << 20)

/* A rule whose pattern is a prefix. */
struct prefix_rule {
	struct tb_str text;
	uint32_t bucket;
	uint32_t rule;
	uint32_t prefix; /* its number */
};

/* A rule whose item is exact, the lowest of its bucket. */
struct exact_rule {
	uint32_t bucket;
	uint32_t item;
	uint32_t rule;
};

struct compiler {
	struct tb_acl *acl;
	struct tb_arena *scratch;
	const struct tb_acl_rule *rules;
	uint32_t n;
	struct prefix_rule *prefix_rules;
	uint32_t n_prefix_rules;
	struct exact_rule *exact_rules;
	uint32_t n_exact_rules;
	uint32_t n_buckets;
};

static enum tb_err compiler_init(struct compiler *c)
{
	struct tb_acl *acl = c->acl;
	struct tb_arena *arena = acl->arena;
	enum tb_err err = tb_acl_words_init(&acl->users, arena, c->n);

	c->prefix_rules =
		tb_arena_calloc(c->scratch, c->n, sizeof(*c->prefix_rules));
	c->exact_rules =
		tb_arena_calloc(c->scratch, c->n, sizeof(*c->exact_rules));
	if (c->prefix_rules == NULL || c->exact_rules == NULL)
		return TB_ERR_NOMEM;
	if (err == TB_OK)
		err = tb_acl_words_init(&acl->actions, arena, c->n);
	if (err == TB_OK)
		err = tb_acl_words_init(&acl->items, arena, c->n);
	if (err == TB_OK)
		err = tb_acl_map_init(&acl->buckets, arena, c->n);
	if (err == TB_OK)
		err = tb_acl_map_init(&acl->exact, arena, c->n);
	return err;
}

static bool is_any(struct tb_str pattern)
{
	return tb_str_eq(pattern, TB_STR("*"));
}

static enum tb_err add_word(struct compiler *c, struct tb_acl_words *words,
			    struct tb_str text, uint32_t *ret)
{
	if (!is_any(text))
		return tb_acl_words_add(words, c->acl->arena, text, ret);
	*ret = TB_ACL_ANY;
	return TB_OK;
}

static enum tb_err find_bucket(struct compiler *c,
			       const struct tb_acl_rule *rule, uint32_t *ret)
{
	uint32_t user;
	uint32_t action;
	enum tb_err err = add_word(c, &c->acl->users, rule->user, &user);

	if (err == TB_OK)
		err = add_word(c, &c->acl->actions, rule->action, &action);
	if (err != TB_OK)
		return err;
	*ret = tb_acl_map_add(&c->acl->buckets, user, action, c->n_buckets);
	c->n_buckets += *ret == c->n_buckets;
	return TB_OK;
}

static enum tb_err add_exact(struct compiler *c, uint32_t bucket, uint32_t rule)
{
	uint32_t item;
	enum tb_err err = tb_acl_words_add(&c->acl->items, c->acl->arena,
					   c->rules[rule].item, &item);

	if (err == TB_OK &&
	    tb_acl_map_add(&c->acl->exact, bucket, item, rule) == rule)
		c->exact_rules[c->n_exact_rules++] =
			(struct exact_rule) { bucket, item, rule };
	return err;
}

static enum tb_err add_rule(struct compiler *c, uint32_t number)
{
	const struct tb_acl_rule *rule = &c->rules[number];
	uint32_t bucket;
	enum tb_err err = find_bucket(c, rule, &bucket);

	if (err != TB_OK)
		return err;
	if (is_any(rule->action) ||
	    tb_str_eq(rule->action, TB_STR(TB_ACL_VIEW)))
		c->acl->governs_view = true;
	if (!tb_str_ends(rule->item, TB_STR("*")))
		return add_exact(c, bucket, number);
	c->prefix_rules[c->n_prefix_rules++] = (struct prefix_rule) {
		.text = tb_str(rule->item.p, rule->item.n - 1),
		.bucket = bucket,
		.rule = number,
	};
	return TB_OK;
}

static int compare_texts(const void *a, const void *b)
{
	const struct prefix_rule *x = a;
	const struct prefix_rule *y = b;

	return tb_str_cmp(x->text, y->text);
}

/* The link of a child of `parent`; with the links of that, of its jump, and of
 * that one's jump. Where the two jumps are equally long, the child's goes as
 * far as both, else to the parent. */
static struct tb_acl_link make_link(uint32_t parent,
				    const struct tb_acl_link *link,
				    const struct tb_acl_link *jump,
				    const struct tb_acl_link *next_jump)
{
	bool is_even =
		link->depth - jump->depth == jump->depth - next_jump->depth;

	return (struct tb_acl_link) {
		.parent = parent,
		.jump = is_even ? jump->jump : parent,
		.depth = link->depth + 1,
	};
}

static void link_prefix(struct tb_acl_prefix *prefixes, uint32_t at)
{
	uint32_t parent = at - 1;
	const struct tb_acl_link *link;
	const struct tb_acl_link *jump;

	while (!tb_str_starts(prefixes[at].text, prefixes[parent].text))
		parent = prefixes[parent].link.parent;
	link = &prefixes[parent].link;
	jump = &prefixes[link->jump].link;
	prefixes[at].link =
		make_link(parent, link, jump, &prefixes[jump->jump].link);
}

/* Numbers the different prefixes in their order. */
static enum tb_err number_prefixes(struct compiler *c)
{
	struct tb_acl *acl = c->acl;
	struct tb_acl_prefix *prefixes = tb_arena_calloc(
		acl->arena, (size_t)c->n_prefix_rules + 1, sizeof(*prefixes));
	uint32_t last = 0;

	if (prefixes == NULL)
		return TB_ERR_NOMEM;
	qsort(c->prefix_rules, c->n_prefix_rules, sizeof(*c->prefix_rules),
	      compare_texts);
	for (uint32_t i = 0; i < c->n_prefix_rules; i++) {
		struct prefix_rule *rule = &c->prefix_rules[i];

		if (!tb_str_eq(rule->text, prefixes[last].text)) {
			enum tb_err err = tb_arena_strdup(
				acl->arena, rule->text, &prefixes[++last].text);

			if (err != TB_OK)
				return err;
			link_prefix(prefixes, last);
		}
		rule->prefix = last;
	}
	acl->prefixes = prefixes;
	acl->n_prefixes = last + 1;
	for (uint32_t i = last; i > 0; i--) {
		struct tb_acl_prefix *parent =
			&prefixes[prefixes[i].link.parent];

		if (prefixes[i].end < i)
			prefixes[i].end = i;
		if (parent->end < prefixes[i].end)
			parent->end = prefixes[i].end;
	}
	return TB_OK;
}

/* Fills in the steps between two prefixes; as deep as the search is. */
static void fill_steps(struct tb_acl *acl, uint32_t low, uint32_t high)
{
	uint32_t middle = low + (high - low) / 2;
	size_t shared = 0;

	if (high - low <= 1)
		return;
	if (high < acl->n_prefixes)
		shared = tb_acl_common_bytes(acl->prefixes[low].text,
					     acl->prefixes[high].text, 0);
	acl->steps[middle] = (struct tb_acl_step) {
		.key = tb_acl_key(acl->prefixes[middle].text, shared),
		.shared = (uint32_t)shared,
	};
	fill_steps(acl, low, middle);
	fill_steps(acl, middle, high);
}

static enum tb_err make_steps(struct compiler *c)
{
	struct tb_acl *acl = c->acl;

	acl->steps = tb_arena_calloc(acl->arena, acl->n_prefixes,
				     sizeof(*acl->steps));
	if (acl->steps == NULL)
		return TB_ERR_NOMEM;
	fill_steps(acl, 0, acl->n_prefixes);
	return TB_OK;
}

/* Lays out the buckets' ranges; each begins empty, but for a root. */
static enum tb_err make_buckets(struct compiler *c)
{
	struct tb_acl *acl = c->acl;
	struct tb_acl_bucket *list =
		tb_arena_calloc(acl->arena, c->n_buckets, sizeof(*list));
	uint32_t n_nodes = 0;
	uint32_t n_exact = 0;

	acl->nodes = tb_arena_calloc(acl->arena,
				     (size_t)c->n_prefix_rules + c->n_buckets,
				     sizeof(*acl->nodes));
	acl->exact_list = tb_arena_calloc(acl->arena, c->n_exact_rules,
					  sizeof(*acl->exact_list));
	acl->node_prefixes = tb_arena_calloc(
		acl->arena, (size_t)c->n_prefix_rules + c->n_buckets,
		sizeof(*acl->node_prefixes));
	if (list == NULL || acl->nodes == NULL || acl->node_prefixes == NULL ||
	    acl->exact_list == NULL)
		return TB_ERR_NOMEM;
	for (uint32_t i = 0; i < c->n_prefix_rules; i++)
		list[c->prefix_rules[i].bucket].n_nodes++;
	for (uint32_t i = 0; i < c->n_exact_rules; i++)
		list[c->exact_rules[i].bucket].n_exact++;
	for (uint32_t i = 0; i < c->n_buckets; i++) {
		struct tb_acl_bucket *bucket = &list[i];

		bucket->first_node = n_nodes;
		bucket->first_exact = n_exact;
		n_nodes += bucket->n_nodes + 1;
		n_exact += bucket->n_exact;
		acl->nodes[bucket->first_node] = (struct tb_acl_node) {
			.end = acl->prefixes[0].end,
			.rule = TB_ACL_NONE,
		};
		bucket->n_nodes = 1;
		bucket->n_exact = 0;
	}
	acl->bucket_list = list;
	return TB_OK;
}

/* Prefixes come in their order, so that a new one's parent is the last of the
 * bucket or one of its ancestors. */
static void add_node(const struct tb_acl *acl, struct tb_acl_bucket *bucket,
		     const struct prefix_rule *rule)
{
	struct tb_acl_node *nodes = &acl->nodes[bucket->first_node];
	uint32_t *numbers = &acl->node_prefixes[bucket->first_node];
	uint32_t parent = bucket->n_nodes - 1;
	const struct tb_acl_link *link;
	const struct tb_acl_link *jump;

	while (nodes[parent].end < rule->prefix)
		parent = nodes[parent].link.parent;
	if (numbers[parent] == rule->prefix) {
		if (rule->rule < nodes[parent].rule)
			nodes[parent].rule = rule->rule;
		return;
	}
	link = &nodes[parent].link;
	jump = &nodes[link->jump].link;
	numbers[bucket->n_nodes] = rule->prefix;
	nodes[bucket->n_nodes++] = (struct tb_acl_node) {
		.end = acl->prefixes[rule->prefix].end,
		.rule = rule->rule < nodes[parent].rule ? rule->rule
							: nodes[parent].rule,
		.link = make_link(parent, link, jump, &nodes[jump->jump].link),
	};
}

static void fill_buckets(struct compiler *c)
{
	struct tb_acl *acl = c->acl;

	for (uint32_t i = 0; i < c->n_prefix_rules; i++)
		add_node(acl, &acl->bucket_list[c->prefix_rules[i].bucket],
			 &c->prefix_rules[i]);
	for (uint32_t i = 0; i < c->n_exact_rules; i++) {
		const struct exact_rule *rule = &c->exact_rules[i];
		struct tb_acl_bucket *bucket = &acl->bucket_list[rule->bucket];

		acl->exact_list[bucket->first_exact + bucket->n_exact++] =
			(struct tb_acl_exact) { rule->item, rule->rule };
	}
}

static enum tb_err copy_answers(struct compiler *c)
{
	bool *allows = tb_arena_calloc(c->acl->arena, c->n, sizeof(*allows));

	if (allows == NULL)
		return TB_ERR_NOMEM;
	for (uint32_t i = 0; i < c->n; i++)
		allows[i] = c->rules[i].allow;
	c->acl->allows = allows;
	return TB_OK;
}

static enum tb_err compile(struct compiler *c)
{
	enum tb_err err = compiler_init(c);

	for (uint32_t i = 0; err == TB_OK && i < c->n; i++)
		err = add_rule(c, i);
	if (err == TB_OK)
		err = copy_answers(c);
	if (err == TB_OK)
		err = number_prefixes(c);
	if (err == TB_OK)
		err = make_steps(c);
	if (err == TB_OK)
		err = make_buckets(c);
	if (err == TB_OK)
		fill_buckets(c);
	return err;
}

static enum tb_err make_acl(struct tb_acl **ret)
{
	struct tb_arena *arena = tb_arena_create(ACL_MAX_BYTES);
	struct tb_acl *acl;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	acl = tb_arena_calloc(arena, 1, sizeof(*acl));
	if (acl != NULL)
		acl->refs = tb_arena_calloc(arena, 1, sizeof(*acl->refs));
	if (acl == NULL || acl->refs == NULL) {
		tb_arena_destroy(arena);
		return TB_ERR_NOMEM;
	}
	acl->arena = arena;
	atomic_init(acl->refs, 1);
	*ret = acl;
	return TB_OK;
}

enum tb_err tb_acl_compile(const struct tb_acl_rule *rules, size_t n,
			   const struct tb_acl **ret)
{
	struct compiler c = { .rules = rules, .n = (uint32_t)n };
	enum tb_err err = make_acl(&c.acl);

	TB_ASSERT(n <= TB_ACL_RULES_MAX);
	if (err != TB_OK)
		return err;
	c.scratch = tb_arena_create(ACL_MAX_BYTES);
	err = c.scratch != NULL ? compile(&c) : TB_ERR_NOMEM;
	tb_arena_destroy(c.scratch);
	if (err != TB_OK) {
		tb_acl_unref(c.acl);
		return err;
	}
	*ret = c.acl;
	return TB_OK;
}
