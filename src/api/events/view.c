#include "api/events/view.h"

void tb_events_view_init(struct tb_events_view *view,
			 const struct tb_principal *user,
			 const struct tb_rules *rules)
{
	*view = (struct tb_events_view) { .user = user->key };
	/* "Administrators always pass." */
	if (user->is_admin || tb_acl_views_all(rules->acl, user->key))
		return;
	view->is_restricted = true;
	view->acl = tb_acl_ref(rules->acl);
	view->version = rules->version;
	view->reader = tb_events_reader_tag(user->key);
}

void tb_events_view_fini(struct tb_events_view *view)
{
	tb_acl_unref(view->acl);
	view->acl = NULL;
}

struct tb_events_cursor tb_events_view_cursor(const struct tb_events_view *view,
					      uint64_t epoch, uint64_t num)
{
	return (struct tb_events_cursor) {
		.epoch = epoch,
		.num = num,
		.is_restricted = view->is_restricted,
		.version = view->version,
		.reader = view->reader,
	};
}

enum tb_events_verdict
tb_events_view_judge(const struct tb_events_view *view, uint64_t epoch,
		     uint64_t head, const struct tb_events_cursor *cursor)
{
	if (cursor->epoch != epoch || cursor->num > head)
		return TB_EVENTS_STARTS_OVER;
	if (!cursor->is_restricted)
		return TB_EVENTS_GOES_ON;
	if (!view->is_restricted || cursor->reader != view->reader)
		return TB_EVENTS_STARTS_OVER;
	return cursor->version == view->version ? TB_EVENTS_GOES_ON
						: TB_EVENTS_DEPENDS;
}

enum tb_err tb_events_view_resolve(const struct tb_events_view *view,
				   struct tb_rules_cache *rules, uint32_t org,
				   const struct tb_events_cursor *cursor,
				   enum tb_events_verdict *ret)
{
	const struct tb_acl *before;
	enum tb_err err = tb_rules_before(rules, org, cursor->version, &before);

	if (err == TB_ERR_NOT_FOUND) {
		*ret = TB_EVENTS_STARTS_OVER;
		return TB_OK;
	}
	if (err)
		return err;
	*ret = tb_acl_widens(before, view->acl, view->user)
		       ? TB_EVENTS_STARTS_OVER
		       : TB_EVENTS_GOES_ON;
	tb_acl_unref(before);
	return TB_OK;
}
