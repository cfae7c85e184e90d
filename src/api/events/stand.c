#include "api/events/stand.h"

enum tb_err tb_events_stand_open(struct tb_events_stand *stand,
				 struct tb_core *core,
				 const struct tb_principal *user,
				 const struct tb_rules *rules)
{
	struct tb_heads heads;
	enum tb_err err = tb_core_heads(core, user->org, &heads);

	if (err)
		return err;
	stand->history = (struct tb_history_id) {
		.org = user->org,
		.epoch = heads.epoch,
	};
	stand->head = heads.dense[TB_DENSE_EVENTS];
	tb_events_view_init(&stand->view, user, rules);
	return TB_OK;
}

void tb_events_stand_close(struct tb_events_stand *stand)
{
	tb_events_view_fini(&stand->view);
}

struct tb_events_cursor
tb_events_stand_cursor(const struct tb_events_stand *stand, uint64_t num)
{
	return tb_events_view_cursor(&stand->view, stand->history.epoch, num);
}

enum tb_events_verdict
tb_events_stand_judge(const struct tb_events_stand *stand,
		      const struct tb_events_cursor *cursor)
{
	return tb_events_view_judge(&stand->view, stand->history.epoch,
				    stand->head, cursor);
}

enum tb_err tb_events_stand_resolve(const struct tb_events_stand *stand,
				    struct tb_rules_cache *rules,
				    const struct tb_events_cursor *cursor,
				    enum tb_events_verdict *ret)
{
	enum tb_events_verdict verdict = tb_events_stand_judge(stand, cursor);

	if (verdict == TB_EVENTS_DEPENDS)
		return tb_events_view_resolve(&stand->view, rules,
					      stand->history.org, cursor, ret);
	*ret = verdict;
	return TB_OK;
}
