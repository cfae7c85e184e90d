#include "api/sites/reader.h"

#include "kernel/consumer.h"
#include "kernel/delivery.h"

/* What is kept of a site that asks for the beginning: 0 would say that it does
 * not read the feed. With its page it has the first number. */
static uint64_t kept_cursor(uint64_t cursor)
{
	return cursor > 0 ? cursor : 1;
}

/* Below the floor reads only who began at 0 when it was the floor already,
 * and has come no further than it says: whoever falls back, to an older copy
 * of its data perhaps, may lack what is gone. */
static bool may_read(const struct tb_activity_reader *reader, uint64_t cursor,
		     uint64_t floor)
{
	if (cursor == 0)
		return reader->cursor == kept_cursor(0) &&
		       reader->floor == floor;
	return cursor >= floor ||
	       (reader->floor >= floor && cursor >= reader->cursor);
}

static bool is_known(struct tb_sites *sites, const struct tb_principal *site,
		     uint64_t cursor, uint64_t floor, uint64_t *ret_floor)
{
	struct tb_activity_reader reader;

	if (!tb_activity_get_reader(sites->activity, site->org, site->site_id,
				    &reader) ||
	    !may_read(&reader, cursor, floor))
		return false;
	*ret_floor = reader.floor;
	return true;
}

bool tb_sites_reader_is_known(const struct tb_sites_call *call, uint64_t cursor,
			      uint64_t floor, uint64_t *ret_floor)
{
	return is_known(call->sites, call->site, cursor, floor, ret_floor);
}

static enum tb_err read_stored(struct tb_sites *sites, struct tb_arena *arena,
			       const struct tb_principal *site,
			       struct tb_activity_reader *ret)
{
	struct tb_consumer consumer;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(sites->core, &tx);

	if (err)
		return err;
	err = tb_consumer_read(tx, arena, site->org, site->site_id, &consumer);
	tb_core_read_end(tx);
	if (!err)
		*ret = (struct tb_activity_reader) {
			.cursor = consumer.central_to,
			.floor = consumer.central_floor,
		};
	return err;
}

enum tb_err tb_sites_reader_look(struct tb_sites *sites, struct tb_arena *arena,
				 const struct tb_principal *site,
				 uint64_t cursor, uint64_t floor,
				 uint64_t *ret_floor)
{
	struct tb_activity_reader reader;
	enum tb_err err;

	if (is_known(sites, site, cursor, floor, ret_floor))
		return TB_OK;
	err = read_stored(sites, arena, site, &reader);
	if (!err)
		*ret_floor =
			may_read(&reader, cursor, floor) ? reader.floor : 0;
	return err;
}

enum tb_err tb_sites_reader_admit(const struct tb_sites_call *call,
				  uint64_t cursor, uint64_t floor,
				  uint64_t *ret_floor)
{
	struct tb_activity_reader reader;
	enum tb_err err;

	if (tb_sites_reader_is_known(call, cursor, floor, ret_floor))
		return TB_OK;
	err = read_stored(call->sites, call->req->arena, call->site, &reader);
	if (!err && (reader.cursor == 0 || !may_read(&reader, cursor, floor)))
		err = tb_delivery_begin_central(
			call->sites->core, call->site->org, call->site->site_id,
			cursor, &reader.floor);
	if (!err)
		*ret_floor = reader.floor;
	return err;
}

void tb_sites_reader_note(const struct tb_sites_call *call, uint64_t cursor,
			  uint64_t floor)
{
	struct tb_activity_reader reader = {
		.cursor = kept_cursor(cursor),
		.floor = floor,
	};

	tb_activity_set_reader(call->sites->activity, call->site->org,
			       call->site->site_id, &reader);
	tb_sites_call_note(call, (struct tb_site_activity) {
					 .last_pull_us = call->req->now_us,
					 .has_central = true,
					 .central_to = reader.cursor });
}

void tb_sites_reader_forget(const struct tb_sites_call *call)
{
	tb_activity_forget_reader(call->sites->activity, call->site->org,
				  call->site->site_id);
	/* What is noted of it so far must not be written down after it. */
	tb_sites_call_note(call, (struct tb_site_activity) {
					 .has_central = true,
					 .central_to = kept_cursor(0) });
}
