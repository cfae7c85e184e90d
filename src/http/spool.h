/*
 * A long body that is made before it is sent: it so has one moment and a
 * length, and no snapshot is open while a slow client reads. Small ones stay
 * in memory, the rest goes to a file without a name (http/spill.h). A list's
 * items may come in any order and leave in the order of their keys.
 *
 * A spool is used by one thread at a time. Errors stay: who appends may check
 * once, at the end, by tb_spool_finish.
 */
#ifndef TB_HTTP_SPOOL_H
#define TB_HTTP_SPOOL_H

#include "http/source.h"
#include "http/spill.h"

/* What is made of it. */
enum tb_spool_form {
	TB_SPOOL_BYTES,     /* the bytes as appended */
	TB_SPOOL_LIST,      /* a JSON array of items, as appended */
	TB_SPOOL_BY_NUMBER, /* the same, ordered by a number of each */
	TB_SPOOL_BY_TEXT,   /* the same, by the bytes of a text in each */
	TB_SPOOL_LATEST,    /* as appended, but it may be revised: each item has
			     * a number */
};

/* Bodies up to this length stay in memory. */
#define TB_SPOOL_MEMORY_BYTES ((size_t)256 << 10)
/* A source's pieces are so long, but for the last one. */
#define TB_SPOOL_PIECE_BYTES ((size_t)120 << 10)

struct tb_spool;

/* `max_bytes` is the ceiling of the body; `owner` a number of who gets it, of
 * whose spools the pool holds only so much. NOMEM, BUSY, TOO_LARGE. */
enum tb_err tb_spool_create(struct tb_spool_pool *pool, enum tb_spool_form form,
			    uint64_t max_bytes, uint64_t owner,
			    struct tb_spool **ret) tb_must_check;
/* Takes NULL. */
void tb_spool_destroy(struct tb_spool *spool);

/* A new item begins; what is appended up to the next one is the item, and it
 * must not be empty. Brackets and commas are the spool's. `number`: its key;
 * of no account in a list that is not ordered. Items of equal keys stay in
 * the order of appending. */
void tb_spool_mark(struct tb_spool *spool, uint64_t number);
/* The same by text: the key, which the item has `key_at` bytes behind its
 * beginning. Where it is and how long it is have to be below 64 KiB. */
void tb_spool_mark_text(struct tb_spool *spool, struct tb_str key,
			size_t key_at);
/* From now on what was given may be given again, in an ordered list or one of
 * TB_SPOOL_LATEST: of items with equal keys only the last one is of the body.
 */
void tb_spool_revise(struct tb_spool *spool);
/* The item that has begun is not of the body itself: it only takes earlier ones
 * of its key away. After revise. */
void tb_spool_void(struct tb_spool *spool);
void tb_spool_append(struct tb_spool *spool, struct tb_str s);
/* So far: OK; NOMEM; TOO_LARGE: over the ceiling; BUSY: the pool has no more;
 * FULL: the disk has not; IO. */
enum tb_err tb_spool_err(const struct tb_spool *spool);
/* How many bytes were appended so far, with brackets and commas; what may be
 * read meanwhile, in the order of appending. */
uint64_t tb_spool_bytes(const struct tb_spool *spool);
/* IO. */
enum tb_err tb_spool_read(const struct tb_spool *spool, uint64_t offset,
			  char *to, size_t n) tb_must_check;

/* Ends it and puts its items in order, which takes no time where they came in
 * order. Errors as above; then all that can be done is to destroy it. */
enum tb_err tb_spool_finish(struct tb_spool *spool) tb_must_check;

/* What follows is for a spool that is finished. */

/* The length of the body. */
uint64_t tb_spool_body_bytes(const struct tb_spool *spool);
size_t tb_spool_items(const struct tb_spool *spool);
/* True if no file is needed to answer it: then take_buf does. */
bool tb_spool_is_in_memory(const struct tb_spool *spool);
/* Gives the whole body of one that is in memory; the spool can only be
 * destroyed then. NOMEM. */
enum tb_err tb_spool_take_buf(struct tb_spool *spool,
			      struct tb_buf *ret) tb_must_check;
/* A source of the body, which takes over the spool. NULL: the arena's error,
 * and the spool is still the caller's. */
struct tb_source *tb_spool_source(struct tb_arena *arena,
				  struct tb_spool *spool);
/* Makes it the body of an answer, as a buffer or as a source; takes it over in
 * any case. NOMEM, TOO_LARGE: of the answer's arena. */
enum tb_err tb_spool_answer(struct tb_spool *spool, struct tb_response *res,
			    unsigned status,
			    const char *content_type) tb_must_check;

#endif
