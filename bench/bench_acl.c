/*
 * How long access rules take to decide, with 10,000 of them in each shape that
 * is hard in its own way, items as long as they may be where that is harder:
 * one JSON line for each, the median and the least of several runs. Questions
 * are all different. Time is the processor's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/assert.h"
#include "kernel/acl.h"

#define RUNS 15
#define QUESTIONS 4000
#define TEXTS_MAX ((size_t)256 << 20)
#define LONG TB_ACL_PATTERN_MAX_BYTES
#define CHAIN (LONG - 1)

struct question {
	struct tb_str user;
	struct tb_str item;
	struct tb_str action;
};

struct bench {
	struct tb_arena *arena;
	struct tb_acl_rule rules[TB_ACL_RULES_MAX];
	struct question questions[QUESTIONS];
};

static struct tb_str numbered(struct tb_arena *arena, const char *before,
			      unsigned i, const char *after)
{
	struct tb_str text;
	enum tb_err err =
		tb_arena_printf(arena, &text, "%s%05u%s", before, i, after);

	TB_ASSERT(err == TB_OK);
	return text;
}

/* A text of `n` bytes: `fill`, and at its end what makes it different. */
static struct tb_str padded(struct tb_arena *arena, size_t n, char fill,
			    struct tb_str end)
{
	char *text = tb_arena_alloc(arena, n);

	TB_ASSERT(text != NULL && end.n <= n);
	memset(text, fill, n - end.n);
	memcpy(text + n - end.n, end.p, end.n);
	return tb_str(text, n);
}

static unsigned scatter(unsigned i)
{
	return i * 2654435761u >> 8;
}

/* Different exact items of different users. */
static void make_exact(struct bench *b)
{
	for (unsigned i = 0; i < TB_ACL_RULES_MAX; i++)
		b->rules[i] = (struct tb_acl_rule) {
			.user = numbered(b->arena, "user", i % 100, ""),
			.item = numbered(b->arena, "item", i, ""),
			.action = TB_STR("edit"),
			.allow = true,
		};
	for (unsigned i = 0; i < QUESTIONS; i++) {
		unsigned k = scatter(i) % (2 * TB_ACL_RULES_MAX);

		b->questions[i] = (struct question) {
			numbered(b->arena, "user", k % 100, ""),
			numbered(b->arena, "item", k, ""),
			TB_STR("edit"),
		};
	}
}

/* Prefixes inside each other, as many as an item has bytes, in the four pairs
 * of user and action; all match each question. */
static void make_nested(struct bench *b)
{
	static const struct tb_str users[] = { TB_STR_INIT("*"),
					       TB_STR_INIT("ann") };
	static const struct tb_str actions[] = { TB_STR_INIT("*"),
						 TB_STR_INIT("edit") };
	struct tb_str chain = padded(b->arena, LONG, 'a', TB_STR("*"));

	for (unsigned i = 0; i < TB_ACL_RULES_MAX; i++)
		b->rules[i] = (struct tb_acl_rule) {
			.user = users[i % 2],
			.item = tb_str(chain.p + i / 4 % CHAIN,
				       LONG - i / 4 % CHAIN),
			.action = actions[i / 2 % 2],
			.allow = i % 3 == 0,
		};
	for (unsigned i = 0; i < QUESTIONS; i++) {
		size_t n = 1 + scatter(i) % (LONG - 1);
		char *text = tb_arena_alloc(b->arena, LONG);

		TB_ASSERT(text != NULL);
		memset(text, 'a', LONG);
		memset(text + n, 'b', LONG - n);
		b->questions[i] =
			(struct question) { users[1], tb_str(text, LONG),
					    actions[1] };
	}
}

/* Prefixes as long as they can be that differ in their last bytes only, for
 * any user. */
static void make_alike(struct bench *b)
{
	for (unsigned i = 0; i < TB_ACL_RULES_MAX; i++)
		b->rules[i] = (struct tb_acl_rule) {
			.user = i % 2 ? TB_STR("*") : TB_STR("ann"),
			.item = padded(b->arena, LONG, 'a',
				       numbered(b->arena, "", i, "*")),
			.action = i / 2 % 2 ? TB_STR("*") : TB_STR("edit"),
			.allow = true,
		};
	for (unsigned i = 0; i < QUESTIONS; i++)
		b->questions[i] = (struct question) {
			TB_STR("ann"),
			padded(b->arena, LONG, 'a',
			       numbered(b->arena, "",
					scatter(i) % TB_ACL_RULES_MAX, "!")),
			TB_STR("edit"),
		};
}

/* One pair of user and action for each rule. */
static void make_users(struct bench *b)
{
	for (unsigned i = 0; i < TB_ACL_RULES_MAX; i++)
		b->rules[i] = (struct tb_acl_rule) {
			.user = numbered(b->arena, "user", i, ""),
			.item = numbered(b->arena, "ward", i % 50, "/*"),
			.action = numbered(b->arena, "act", i % 7, ""),
			.allow = true,
		};
	for (unsigned i = 0; i < QUESTIONS; i++) {
		unsigned k = scatter(i) % TB_ACL_RULES_MAX;

		b->questions[i] = (struct question) {
			numbered(b->arena, "user", k, ""),
			numbered(b->arena, "ward", k % 50, "/bed"),
			numbered(b->arena, "act", k % 7, ""),
		};
	}
}

/* What one administrator writes down: wards, beds, a few people. */
static void make_mixed(struct bench *b)
{
	for (unsigned i = 0; i < TB_ACL_RULES_MAX; i++)
		b->rules[i] = (struct tb_acl_rule) {
			.user = i % 3 ? numbered(b->arena, "user", i % 200, "")
				      : TB_STR("*"),
			.item = i % 2 ? numbered(b->arena, "ward", i % 500,
						 "/*")
				      : numbered(b->arena, "ward", i, "/bed"),
			.action = i % 5 ? TB_STR("edit") : TB_STR("*"),
			.allow = i % 4 != 0,
		};
	for (unsigned i = 0; i < QUESTIONS; i++) {
		unsigned k = scatter(i);

		b->questions[i] = (struct question) {
			numbered(b->arena, "user", k % 300, ""),
			numbered(b->arena, "ward", k % TB_ACL_RULES_MAX,
				 "/bed"),
			TB_STR("edit"),
		};
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort(double *values)
{
	qsort(values, RUNS, sizeof(*values), compare_doubles);
}

static double time_compile(const struct bench *b)
{
	double begin = now_ns();
	const struct tb_acl *acl;
	enum tb_err err = tb_acl_compile(b->rules, TB_ACL_RULES_MAX, &acl);

	TB_ASSERT(err == TB_OK);
	tb_acl_unref(acl);
	return now_ns() - begin;
}

static double time_questions(const struct bench *b, const struct tb_acl *acl,
			     size_t *ret_allowed)
{
	double begin = now_ns();
	size_t n = 0;

	for (size_t i = 0; i < QUESTIONS; i++) {
		const struct question *q = &b->questions[i];

		n += tb_acl_allows(acl, q->user, q->item, q->action);
	}
	*ret_allowed = n;
	return (now_ns() - begin) / QUESTIONS;
}

static void run(const char *name, void (*make)(struct bench *b))
{
	static struct bench bench;
	const struct tb_acl *acl;
	double compile_ns[RUNS];
	double decide_ns[RUNS];
	size_t allowed = 0;
	enum tb_err err;

	bench.arena = tb_arena_create(TEXTS_MAX);
	TB_ASSERT(bench.arena != NULL);
	make(&bench);
	err = tb_acl_compile(bench.rules, TB_ACL_RULES_MAX, &acl);
	TB_ASSERT(err == TB_OK);
	for (int i = 0; i < RUNS; i++) {
		compile_ns[i] = time_compile(&bench);
		decide_ns[i] = time_questions(&bench, acl, &allowed);
	}
	sort(compile_ns);
	sort(decide_ns);
	printf("{\"bench\":\"acl\",\"case\":\"%s\",\"rules\":%d,"
	       "\"questions\":%d,\"allowed\":%zu,\"runs\":%d,"
	       "\"decide_ns\":%.0f,\"decide_least_ns\":%.0f,"
	       "\"compile_ms\":%.2f,\"bytes\":%zu}\n",
	       name, TB_ACL_RULES_MAX, QUESTIONS, allowed, RUNS,
	       decide_ns[RUNS / 2], decide_ns[0], compile_ns[RUNS / 2] / 1e6,
	       tb_acl_bytes(acl));
	tb_acl_unref(acl);
	tb_arena_destroy(bench.arena);
}

int main(void)
{
	run("mixed", make_mixed);
	run("exact items", make_exact);
	run("a user and action for each rule", make_users);
	run("nested prefixes, items of 512 bytes", make_nested);
	run("prefixes of 511 bytes that differ at the end", make_alike);
	return 0;
}
