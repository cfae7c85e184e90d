/*
 * What a caller may see of the history, and what a cursor still says to who
 * brings it.
 *
 * An answer goes on behind a cursor as long as nothing that lies before it can
 * have come into sight since: what the cursor's reader did not see then must
 * not be visible to the caller now. So it starts over
 *  - when the cursor is from another epoch, or ahead of the history: the store
 *    was restored from a backup, and numbers mean other events;
 *  - when its reader was restricted, and the caller is not, is somebody else,
 *    or may see more by the rules of today than by those of the cursor, or
 *    those are not kept any more.
 * Whoever saw everything has missed nothing, whoever goes on with the cursor.
 */
#ifndef TB_API_EVENTS_VIEW_H
#define TB_API_EVENTS_VIEW_H

#include "api/events/cursor.h"
#include "api/events/rules.h"
#include "auth/principal.h"

struct tb_events_view {
	bool is_restricted;
	const struct tb_acl *acl; /* restricted: a reference; else NULL */
	uint64_t version;         /* restricted: of the rules */
	uint64_t reader;          /* restricted: tb_events_reader_tag */
	struct tb_str user;       /* borrowed from the principal */
};

/* `rules` are left as they are; both are released. */
void tb_events_view_init(struct tb_events_view *view,
			 const struct tb_principal *user,
			 const struct tb_rules *rules);
void tb_events_view_fini(struct tb_events_view *view); /* takes zeroed ones */

/* The cursor of who has seen, by this view, what there is up to `num`. */
struct tb_events_cursor tb_events_view_cursor(const struct tb_events_view *view,
					      uint64_t epoch, uint64_t num);

enum tb_events_verdict {
	TB_EVENTS_GOES_ON,
	TB_EVENTS_STARTS_OVER,
	TB_EVENTS_DEPENDS, /* on the rules of the cursor's version */
};
/* Of a cursor that is brought when the history is at `head`. Pure. */
enum tb_events_verdict
tb_events_view_judge(const struct tb_events_view *view, uint64_t epoch,
		     uint64_t head, const struct tb_events_cursor *cursor);
/* The same to the end, by the earlier rules. May read the store. */
enum tb_err tb_events_view_resolve(const struct tb_events_view *view,
				   struct tb_rules_cache *rules, uint32_t org,
				   const struct tb_events_cursor *cursor,
				   enum tb_events_verdict *ret) tb_must_check;

#endif
