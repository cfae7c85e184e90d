/*
 * The members of an object, or the elements of an array, that is known to be
 * JSON, such as a body that was checked when it was stored: slices of the text,
 * found in one pass, without a tape and without memory. What is nested is
 * skipped by its brackets and not looked at, so a text that is broken may pass;
 * it is never read beyond its end. Who does not know where a text is from uses
 * tb_json_parse. Pure.
 */
#ifndef TB_CODEC_JSON_MEMBERS_H
#define TB_CODEC_JSON_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Walks an object: `it = tb_json_members(text)`, then `it.key` and `it.value`
 * while tb_json_members_next(&it). Borrows the text. */
struct tb_json_members {
	struct tb_str key;   /* as written, with its quotes */
	struct tb_str value; /* as written */
	bool is_broken;      /* why it ended: the text is none */
	/* Private. */
	bool is_open;
	const char *begin;
	const char *at; /* NULL: it has ended */
	const char *end;
	const char *block; /* that the marks are of */
	uint64_t marks;
};

struct tb_json_members tb_json_members(struct tb_str text);
/* False: there are no more, or the text is broken; then always false. */
bool tb_json_members_next(struct tb_json_members *it);
/* The same for who knows which member is likely to come: `lead` is what then
 * stands before its value, `,"key":` (also of the first one). False: something
 * else comes, or it is written with spaces, and is there for
 * tb_json_members_next; or the text is broken. */
bool tb_json_members_meet(struct tb_json_members *it, struct tb_str lead);
/* Walks an array's elements in the same way, each in `it.value`. What is
 * between them is looked at, so where one is broken within, the others are
 * found all the same, as long as its quotes and brackets are even. */
bool tb_json_elements_next(struct tb_json_members *it);

#endif
