/*
 * Where a history stands for a caller: its end, and what of it the caller
 * sees; and from there, what a cursor says. Embedded by its owner; used by one
 * thread.
 */
#ifndef TB_API_EVENTS_STAND_H
#define TB_API_EVENTS_STAND_H

#include "api/events/index.h"
#include "api/events/view.h"

struct tb_events_stand {
	struct tb_history_id history;
	uint64_t head;
	struct tb_events_view view;
};

/* Looks up where the history ends; the view by these rules. Borrows the
 * caller. */
enum tb_err tb_events_stand_open(struct tb_events_stand *stand,
				 struct tb_core *core,
				 const struct tb_principal *user,
				 const struct tb_rules *rules) tb_must_check;
void tb_events_stand_close(struct tb_events_stand *stand); /* takes zeroed */

/* The cursor of who has seen what the view shows up to `num`. */
struct tb_events_cursor
tb_events_stand_cursor(const struct tb_events_stand *stand, uint64_t num);

/* Whether the history goes on behind a cursor: tb_events_view_judge. */
enum tb_events_verdict
tb_events_stand_judge(const struct tb_events_stand *stand,
		      const struct tb_events_cursor *cursor);
/* The same to the end. May read the store. */
enum tb_err tb_events_stand_resolve(const struct tb_events_stand *stand,
				    struct tb_rules_cache *rules,
				    const struct tb_events_cursor *cursor,
				    enum tb_events_verdict *ret) tb_must_check;

#endif
