/*
 * Bytes that are appended and read again, and nobody knows how many will come:
 * few stay in memory, more go to a file without a name, which ends with the
 * process at the latest. A pool bounds what all of them hold together.
 *
 * A spill is used by one thread at a time; the pool is any thread's and must
 * outlive its spills.
 */
#ifndef TB_HTTP_SPILL_H
#define TB_HTTP_SPILL_H

#include "base/buf.h"
#include "http/budget.h"

/* Owners are told apart by so many shares. */
#define TB_SPOOL_SHARES 256

struct tb_spool_pool {
	const char *folder;      /* where the files are; borrowed */
	struct tb_budget budget; /* of bytes, in memory and in files */
	/* The same of what owners hold; two seldom have the same one. */
	struct tb_budget shares[TB_SPOOL_SHARES];
	bool avoids_tmpfile; /* as on a file system without O_TMPFILE */
};

void tb_spool_pool_init(struct tb_spool_pool *pool, const char *folder,
			uint64_t max_bytes);
/* No owner holds more than this from now on. Before the pool is used. */
void tb_spool_pool_divide(struct tb_spool_pool *pool, uint64_t share_max_bytes);

/* Embedded by its owner. */
struct tb_spill {
	struct tb_spool_pool *pool;
	size_t memory_bytes;     /* how much stays in memory */
	struct tb_buf buf;       /* what is not in the file, the end */
	int fd;                  /* -1: none so far */
	uint64_t file_bytes;     /* written */
	struct tb_budget *share; /* of its owner; NULL: it has none */
	uint64_t charged_bytes;  /* of the pool, and of the share */
	void *map;               /* held; NULL: not, or buf is */
	size_t map_bytes;
};

/* Allocates nothing. */
void tb_spill_init(struct tb_spill *spill, struct tb_spool_pool *pool,
		   size_t memory_bytes);
/* Says whose it is, by any number that is the owner's alone. Before anything is
 * appended. */
void tb_spill_set_owner(struct tb_spill *spill, uint64_t owner);
/* Afterwards it is as after init, and its owner's. */
void tb_spill_fini(struct tb_spill *spill);
static inline uint64_t tb_spill_bytes(const struct tb_spill *spill)
{
	return spill->file_bytes + spill->buf.n;
}
static inline bool tb_spill_is_in_memory(const struct tb_spill *spill)
{
	return spill->fd < 0;
}
/* NOMEM; BUSY: the pool or the owner has no more; FULL: the disk is; IO. After
 * an error nothing can be said of what it holds. */
enum tb_err tb_spill_append(struct tb_spill *spill,
			    struct tb_str s) tb_must_check;
/* Reads bytes that were appended. IO. */
enum tb_err tb_spill_read(const struct tb_spill *spill, uint64_t offset,
			  char *to, size_t n) tb_must_check;
/* The same without waiting for a disk. BUSY: it would have to. */
enum tb_err tb_spill_read_at_hand(const struct tb_spill *spill, uint64_t offset,
				  char *to, size_t n) tb_must_check;
/* Nothing more will come: what has a file is all in it, and needs no memory.
 * Errors as of append. */
enum tb_err tb_spill_settle(struct tb_spill *spill) tb_must_check;
/* All of it in one piece, with room for so many bytes behind it, to be changed
 * in place; until release, or the end. Nothing may be appended any more.
 * Errors as of append. */
enum tb_err tb_spill_hold(struct tb_spill *spill, size_t room_bytes,
			  char **ret) tb_must_check;
void tb_spill_release(struct tb_spill *spill);

#endif
