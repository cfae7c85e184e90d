/*
 * The form in which compiled rules decide. Private to acl*.c.
 *
 * What counts is the lowest rule that matches. Rules are in *buckets*, by the
 * pair of their user and action; four of them can match a question. In each,
 * a hash table gives the lowest rule of an exact item; and of the patterns
 * with a star, which are prefixes of items, only the longest that matches is
 * looked for, because it carries the lowest rule of its own and of all that
 * are shorter.
 *
 * All prefixes of a list are sorted together and numbered in that order, so
 * that what lies below a prefix is a range of numbers, and one search of text
 * does for the four buckets. The longest prefix of an item is among the
 * ancestors of the last one that sorts before it. Chains of ancestors can be
 * as long as an item, so each prefix has, beside its parent, a jump to a
 * farther ancestor (Myers, "An applicative random-access stack", 1983), by
 * which any is found in a logarithm of steps.
 */
#ifndef TB_KERNEL_ACL_FORM_H
#define TB_KERNEL_ACL_FORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* No rule, no word, no bucket. */
#define TB_ACL_NONE UINT32_MAX
/* The word that stands for any user or action. */
#define TB_ACL_ANY 0u

/* Different texts, numbered from 1. */
struct tb_acl_words {
	struct tb_acl_word_slot {
		uint32_t word; /* 0: empty */
		uint32_t tag;  /* of the text's hash */
	} * slots;
	size_t mask;
	struct tb_str *texts; /* by number */
	uint32_t n;           /* the highest number */
	size_t longest;       /* bytes of a text */
};

/* A pair of numbers to a third. */
struct tb_acl_map {
	struct tb_acl_map_slot {
		uint64_t key;
		uint32_t value; /* TB_ACL_NONE: empty */
	} * slots;
	size_t mask;
	uint64_t seed;
};

/* A place in a tree. The root is its own parent and jump. */
struct tb_acl_link {
	uint32_t parent;
	uint32_t jump;
	uint32_t depth;
};

struct tb_acl_prefix {
	struct tb_str text; /* number 0: the empty one */
	struct tb_acl_link link;
	uint32_t end; /* the last number below it, or its own */
};

/* Where the search for an item comes by a prefix: between two others, which
 * share their first bytes with all that is between them. Most often the bytes
 * that follow decide, so that texts, which can be megabytes, are not read. */
struct tb_acl_step {
	uint64_t key; /* tb_acl_key(text, shared) */
	uint32_t shared;
};

/* A prefix of a bucket; its link is to others of the bucket. */
struct tb_acl_node {
	uint32_t end;  /* the prefix's */
	uint32_t rule; /* the lowest of its own and its ancestors', or none */
	struct tb_acl_link link;
};

struct tb_acl_exact {
	uint32_t item;
	uint32_t rule; /* the lowest */
};

/* Ranges of the arrays below. The first node is the root: prefix 0. */
struct tb_acl_bucket {
	uint32_t first_node;
	uint32_t n_nodes;
	uint32_t first_exact;
	uint32_t n_exact;
};

struct tb_acl {
	struct tb_arena *arena; /* everything lives in it */
	atomic_uint *refs;
	bool governs_view;
	const bool *allows; /* by rule */
	struct tb_acl_words users;
	struct tb_acl_words actions;
	struct tb_acl_words items;
	struct tb_acl_map buckets; /* (user, action) to bucket */
	struct tb_acl_map exact;   /* (bucket, item) to rule */
	struct tb_acl_bucket *bucket_list;
	struct tb_acl_exact *exact_list;
	struct tb_acl_node *nodes;
	uint32_t *node_prefixes; /* of the nodes, to be searched */
	struct tb_acl_prefix *prefixes;
	struct tb_acl_step *steps; /* by number of the prefix */
	uint32_t n_prefixes;
};

/* Room for `max` different texts or pairs. NOMEM, TOO_LARGE. */
enum tb_err tb_acl_words_init(struct tb_acl_words *words,
			      struct tb_arena *arena, size_t max) tb_must_check;
enum tb_err tb_acl_map_init(struct tb_acl_map *map, struct tb_arena *arena,
			    size_t max) tb_must_check;
/* The number of a text; one that is new is copied to the arena. */
enum tb_err tb_acl_words_add(struct tb_acl_words *words, struct tb_arena *arena,
			     struct tb_str text, uint32_t *ret) tb_must_check;
/* TB_ACL_NONE: it is no word. */
uint32_t tb_acl_words_find(const struct tb_acl_words *words,
			   struct tb_str text);
/* The value of a pair; TB_ACL_NONE: it has none. */
uint32_t tb_acl_map_find(const struct tb_acl_map *map, uint32_t a, uint32_t b);
/* The value that a pair has already, or else `value`, which it has then. */
uint32_t tb_acl_map_add(struct tb_acl_map *map, uint32_t a, uint32_t b,
			uint32_t value);

/* How many bytes from the beginning are the same; the first `n` are. */
size_t tb_acl_common_bytes(struct tb_str a, struct tb_str b, size_t n);

/* Eight bytes as a number that compares as they do; compilers know this for
 * one instruction. */
static inline uint64_t tb_acl_load(const unsigned char *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 |
	       (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
	       (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
	       (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

/* Such a number of the bytes from `at` on, zeros behind the end. */
static inline uint64_t tb_acl_key(struct tb_str text, size_t at)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t n = text.n - at;
	unsigned char rest[8] = { 0 };

	if (n >= sizeof(rest))
		return tb_acl_load(p + at);
	if (n == 0)
		return 0;
	if (text.n >= sizeof(rest))
		return tb_acl_load(p + text.n - sizeof(rest))
		       << 8 * (sizeof(rest) - n);
	memcpy(rest, p + at, n);
	return tb_acl_load(rest);
}

#endif
