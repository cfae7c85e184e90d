/*
 * Records and their places in feeds: the values that the kernel decides on
 * and that every store keeps. Plain data, no behaviour but the encoding of a
 * record's places.
 */
#ifndef TB_KERNEL_RECORD_H
#define TB_KERNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* A record's number for life: its org in the upper bits, below it the number
 * in the org's order at which it was born. Rises with time, so that the
 * stores' hottest key is appended to. 0 is no record. */
#define TB_RID_ORG_SHIFT 40
static inline uint64_t tb_rid(uint32_t org, uint64_t num)
{
	return ((uint64_t)org << TB_RID_ORG_SHIFT) | num;
}
static inline uint32_t tb_rid_org(uint64_t rid)
{
	return (uint32_t)(rid >> TB_RID_ORG_SHIFT);
}
#define TB_ORG_MAX ((1u << 23) - 1)
#define TB_NUM_MAX ((1ull << TB_RID_ORG_SHIFT) - 1)

/* The org of what belongs to no org: login names. */
#define TB_ORG_SYSTEM 0u

/* Who a change came from: a site's integer id, or the centre itself. */
#define TB_ORIGIN_CENTRE 0u

enum tb_entry_flags {
	TB_ENTRY_PRESENT = 1, /* the record is in the scope; else it left it */
	TB_ENTRY_HOME = 2,    /* the scope whose holder may write the record */
	TB_ENTRY_WAITING = 4, /* held here until the record's parent comes */
	/* Its number is not of the org's order but an id that never moves, at
	 * most TB_FIXED_NUM_MAX; `entered` equals it. */
	TB_ENTRY_FIXED = 8,
	/* A scope that says who sees the record and is no place of its own:
	 * routing leaves it alone. */
	TB_ENTRY_SIGHT = 16,
	/* Kept up by what refers to the record, not by its body. */
	TB_ENTRY_DERIVED = 32,
};

/* The highest number of a fixed entry: those of engines are signed, and one
 * can still be asked for what is behind it. */
#define TB_FIXED_NUM_MAX ((uint64_t)INT64_MAX - 1)

/* A record's place in one scope's feed; there is one for each scope that it
 * is in or was in. */
struct tb_entry {
	uint64_t scope;   /* rid of the scope */
	uint64_t num;     /* its number in the feed: the org's order, the
			   * scope's own dense numbers (enum tb_dense), or
			   * a fixed one (TB_ENTRY_FIXED) */
	uint64_t entered; /* the number at which it entered the scope */
	int64_t time_us;  /* commit time of `num` */
	uint32_t origin;  /* whose change gave it `num` */
	uint8_t flags;    /* enum tb_entry_flags */
};

/* More scopes than this no record can be in: those that say who sees it are
 * among them, and many may see one. */
#define TB_ENTRIES_MAX 1024

struct tb_record {
	uint64_t rid;
	uint64_t coll;      /* system collection, or the rid of its name */
	struct tb_str key;  /* the API's record id; at most TB_KEY_MAX bytes */
	struct tb_str body; /* JSON as it was written; `{}` when deleted */
	uint64_t version;   /* number of its last change in the org's order */
	int64_t created_us;
	int64_t updated_us;
	int64_t synced_us; /* when a client's edit of it was taken last; 0:
			    * never */
	uint32_t origin;   /* of its last change */
	bool deleted;
	const struct tb_entry *entries;
	size_t n_entries;
};

#define TB_KEY_MAX 512

/* The entry for a scope, or NULL. */
const struct tb_entry *tb_record_entry(const struct tb_record *record,
				       uint64_t scope);

bool tb_entry_equal(const struct tb_entry *a, const struct tb_entry *b);

/* The longest encoding of as many entries as there can be, in bytes. */
#define TB_ENTRIES_ENCODED_MAX (TB_ENTRIES_MAX * 51)

/* A record's entries as one byte string, the form in which stores keep them
 * beside the record (varints; scopes of the record's org as their number). */
void tb_entries_encode(struct tb_buf *buf, uint32_t org,
		       const struct tb_entry *entries, size_t n);
/* CORRUPT when the bytes are not what encode makes. Result in the arena. */
enum tb_err tb_entries_decode(struct tb_arena *arena, uint32_t org,
			      struct tb_str bytes, const struct tb_entry **ret,
			      size_t *ret_n) tb_must_check;

#endif
