/*
 * One stored record as the resources API shows it:
 *
 *   {"id":1,<declared fields>,<undeclared members>,<times>}
 *
 * Values stay as they were written. Pure: what is not in the record itself is
 * asked of a function that is handed in. Used by one thread.
 */
#ifndef TB_API_RESOURCES_RENDER_H
#define TB_API_RESOURCES_RENDER_H

#include "api/resources/layout.h"
#include "base/buf.h"

/* Finds what a member says of another record. `value` is what names that
 * record, as it is written; the result is JSON, borrowed until the next call,
 * `null` where there is no such record. */
typedef enum tb_err tb_render_lookup_fn(void *ctx,
					const struct tb_layout_member *member,
					struct tb_str value,
					struct tb_str *ret);

struct tb_render_options {
	const struct tb_layout *layout;
	/* Called for SHOWN members, and for REFERENCEs that are no ids by
	 * themselves. */
	tb_render_lookup_fn *lookup;
	void *lookup_ctx;
};

struct tb_render; /* the tool: memory that is used again and again */

/* NULL: no memory. */
struct tb_render *tb_render_create(const struct tb_render_options *options);
void tb_render_destroy(struct tb_render *render); /* takes NULL */

/* What of a record is written. */
struct tb_render_record {
	uint64_t id;       /* of a collection with integer ids */
	struct tb_str key; /* else */
	struct tb_str body;
	int64_t created_us;
	int64_t updated_us;
	int64_t synced_us; /* 0: never */
};

/* Appends the record. CORRUPT: the body is no object; whatever the lookup
 * returns; NOMEM. After an error the buffer's new bytes mean nothing. */
enum tb_err tb_render_put(struct tb_render *render,
			  const struct tb_render_record *record,
			  struct tb_buf *buf) tb_must_check;
/* Appends what stands for a record that is gone:
 * {"id":7,"deleted":true,"updated_at":"..."}, with updated_us. */
void tb_render_put_gone(const struct tb_layout *layout,
			const struct tb_render_record *record,
			struct tb_buf *buf);

/* The id of what was put, as it is written there. */
struct tb_str tb_render_id(struct tb_str text);

/* The key that a reference in a body names; p NULL: none. Decoded into the
 * arena where it is escaped. */
enum tb_err tb_render_key(struct tb_arena *arena, struct tb_str value,
			  struct tb_str *ret) tb_must_check;

#endif
