/*
 * The keys under which the memory engine keeps its rows in one tree: a letter
 * for the table, then the fields with the highest byte first, so that byte
 * order is the order of the fields. Pure.
 */
#ifndef TB_STORE_MEMORY_KEY_H
#define TB_STORE_MEMORY_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/record.h"

enum tb_memory_table {
	TB_MEMORY_ORG = 'o',    /* org -> struct tb_org */
	TB_MEMORY_RECORD = 'r', /* rid -> struct tb_memory_record */
	TB_MEMORY_KEY = 'k',    /* org, key, coll -> rid */
	TB_MEMORY_FEED = 'f',   /* scope, num -> struct tb_memory_feed_row */
	TB_MEMORY_LINK = 'l',   /* org, coll, key, child -> nothing */
	TB_MEMORY_AUDIT = 'a',  /* org, n -> hash and row */
	TB_MEMORY_DETAIL = 'd', /* org, n -> detail */
};

struct tb_memory_key {
	size_t n;
	char p[1 + 3 * sizeof(uint64_t) + sizeof(uint16_t) + TB_KEY_MAX];
};

static inline struct tb_str tb_memory_key_str(const struct tb_memory_key *key)
{
	return tb_str(key->p, key->n);
}

/* A key of one or two numbers. */
struct tb_memory_key tb_memory_key_1(enum tb_memory_table table, uint64_t a);
struct tb_memory_key tb_memory_key_2(enum tb_memory_table table, uint64_t a,
				     uint64_t b);
struct tb_memory_key tb_memory_key_record(uint32_t org, struct tb_str key,
					  uint64_t coll);
struct tb_memory_key tb_memory_key_link(uint32_t org, uint64_t coll,
					struct tb_str key, uint64_t child);

/* True if two keys agree but for their last number. */
bool tb_memory_key_is_near(struct tb_str a, struct tb_str b);
/* The number that begins at byte `at`. */
uint64_t tb_memory_key_number(struct tb_str key, size_t at);
/* The last number. */
uint64_t tb_memory_key_last(struct tb_str key);

#endif
