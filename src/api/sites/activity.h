/*
 * What was seen of the sites' calls since it was last written down: kept in
 * memory, so that a pull writes nothing, and flushed once a minute. A crash
 * loses a minute of it, which nothing depends on. Thread-safe, but for create
 * and destroy.
 */
#ifndef TB_API_SITES_ACTIVITY_H
#define TB_API_SITES_ACTIVITY_H

#include <stdbool.h>

#include "kernel/delivery.h"

/* Sites seen between two flushes; what more come are not noted. */
#define TB_ACTIVITY_SITES_MAX 65536

struct tb_activity;

/* NULL: no memory. */
struct tb_activity *tb_activity_create(void);
void tb_activity_destroy(struct tb_activity *activity); /* takes NULL */

/* Adds to what was seen of the site `seen->site_id`. */
void tb_activity_note(struct tb_activity *activity, uint32_t org,
		      const struct tb_site_activity *seen);
/* What is not written down yet; false: nothing. */
bool tb_activity_get(struct tb_activity *activity, uint32_t org,
		     uint32_t site_id, struct tb_site_activity *ret);
/* A site that is known to be written down as a reader of the central feed. */
struct tb_activity_reader {
	uint64_t cursor; /* the last that it showed; at least 1 */
	uint64_t floor;  /* its consumer's central_floor */
};
/* False: it is not known, and the store has to be asked. */
bool tb_activity_get_reader(struct tb_activity *activity, uint32_t org,
			    uint32_t site_id, struct tb_activity_reader *ret);
void tb_activity_set_reader(struct tb_activity *activity, uint32_t org,
			    uint32_t site_id,
			    const struct tb_activity_reader *reader);
void tb_activity_forget_reader(struct tb_activity *activity, uint32_t org,
			       uint32_t site_id);

/* Writes it down; what cannot be written is kept. One thread at a time. */
void tb_activity_flush(struct tb_activity *activity, struct tb_core *core);

#endif
