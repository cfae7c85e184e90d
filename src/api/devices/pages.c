#include "api/devices/pages.h"

#include "api/devices/live_json.h"
#include "kernel/device_delivery.h"
#include "kernel/registration.h"

struct reading {
	const struct tb_pages_reader *reader;
	struct tb_tx *tx;
	struct tb_device_marks marks; /* of the device */
	uint64_t head;
	struct tb_pages_page *page;
	size_t n_max;
	size_t bytes;
	bool is_full; /* more is there than fits */
};

static enum tb_err read_marks(struct reading *reading)
{
	const struct tb_pages_reader *reader = reading->reader;
	struct tb_registration registration;
	enum tb_err err;

	if (reader->device.n == 0)
		return TB_OK;
	err = tb_registration_read(reading->tx, reader->arena, reader->org,
				   reader->device, &registration,
				   &reading->marks);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err begin(struct reading *reading, size_t n_max)
{
	const struct tb_pages_reader *reader = reading->reader;
	enum tb_err err;

	reading->n_max = n_max;
	reading->page->events = tb_arena_calloc(reader->arena, n_max + 1,
						sizeof(*reading->page->events));
	if (!reading->page->events)
		return tb_arena_err(reader->arena);
	err = tb_core_read(reader->core, &reading->tx);
	if (!err)
		err = read_marks(reading);
	if (!err)
		err = tb_device_head(reading->tx, reader->org, &reading->head);
	return err;
}

static enum tb_err add(struct reading *reading,
		       const struct tb_device_event *event, bool waits)
{
	const struct tb_pages_reader *reader = reading->reader;
	struct tb_pages_page *page = reading->page;
	struct tb_live_json live;
	enum tb_err err = tb_live_json_make(reader->arena, event, &live);

	/* One that cannot be shown blocks nobody. */
	if (err == TB_ERR_CORRUPT)
		return TB_OK;
	if (err ||
	    (live.connection != 0 && live.connection == reader->connection))
		return err;
	page->events[page->n++] = (struct tb_pages_event) {
		.id = event->id,
		.waits = waits,
		.name = live.name,
		.text = live.text,
	};
	reading->bytes += live.text.n;
	return TB_OK;
}

/* Reads events in (page->last, until] and adds those that `takes` takes. */
static enum tb_err
read_events(struct reading *reading, struct tb_device_query *query,
	    bool (*takes)(const struct reading *reading,
			  const struct tb_device_event *e, bool *ret_waits))
{
	const struct tb_pages_reader *reader = reading->reader;
	struct tb_pages_page *page = reading->page;
	struct tb_device_page found;
	bool waits;
	enum tb_err err;

	query->org = reader->org;
	query->after = page->last;
	query->limit = reading->n_max - page->n;
	query->max_bytes = reader->max_bytes > reading->bytes
				   ? reader->max_bytes - reading->bytes
				   : 1;
	err = tb_device_read(reading->tx, reader->arena, query, &found);
	for (size_t i = 0; !err && i < found.n; i++)
		if (takes(reading, &found.events[i], &waits))
			err = add(reading, &found.events[i], waits);
	if (err)
		return err;
	page->last = found.last;
	reading->is_full = found.has_more;
	return TB_OK;
}

/* "What a device has not acknowledged when it is bound is sent again, oldest
 * first; its own are not." The query has left out all others. */
static bool takes_redelivered(const struct reading *reading,
			      const struct tb_device_event *event,
			      bool *ret_waits)
{
	(void)reading;
	(void)event;
	*ret_waits = true;
	return true;
}

/* The live flow: critical events to everybody, their sender included; updates
 * to who has a token. */
static bool takes_live(const struct reading *reading,
		       const struct tb_device_event *event, bool *ret_waits)
{
	struct tb_str device = reading->reader->device;

	*ret_waits = false;
	if (event->kind == TB_DEVICE_EVENT_UPDATE)
		return reading->reader->has_token;
	if (device.n == 0 || tb_str_eq(event->device, device))
		return true;
	*ret_waits = true;
	return !tb_device_marks_have(&reading->marks, true, event->id);
}

static enum tb_err read_redelivery(struct reading *reading, uint64_t until)
{
	struct tb_device_query query = {
		.feed = TB_DEVICE_FEED_LIVE,
		.until = until < reading->head ? until : reading->head,
		.marks = &reading->marks,
		.not_device = reading->reader->device,
		.only_critical = true,
	};
	enum tb_err err;

	if (reading->page->last >= query.until)
		return TB_OK;
	err = read_events(reading, &query, takes_redelivered);
	if (!err && !reading->is_full)
		reading->page->last = query.until;
	return err;
}

static enum tb_err read_live(struct reading *reading)
{
	struct tb_device_query query = {
		.feed = TB_DEVICE_FEED_LIVE,
		.until = reading->head,
	};
	struct tb_pages_page *page = reading->page;
	enum tb_err err;

	if (page->last >= query.until)
		return TB_OK;
	if (page->n == reading->n_max) {
		reading->is_full = true;
		return TB_OK;
	}
	err = read_events(reading, &query, takes_live);
	if (!err && !reading->is_full)
		page->last = query.until;
	return err;
}

static enum tb_err keep_waiting(struct reading *reading,
				const uint64_t *waiting, size_t n)
{
	struct tb_pages_page *page = reading->page;

	page->kept = tb_arena_calloc(reading->reader->arena, n + 1,
				     sizeof(*page->kept));
	if (!page->kept)
		return tb_arena_err(reading->reader->arena);
	for (size_t i = 0; i < n; i++)
		if (!tb_device_marks_have(&reading->marks, true, waiting[i]))
			page->kept[page->n_kept++] = waiting[i];
	return TB_OK;
}

enum tb_err tb_pages_read(const struct tb_pages_reader *reader,
			  const struct tb_flow_page *want,
			  const uint64_t *waiting, size_t n_waiting,
			  struct tb_pages_page *ret)
{
	struct tb_pages_page page = { .last = want->after };
	struct reading reading = { .reader = reader, .page = &page };
	size_t n_max = want->room < TB_PAGES_EVENTS_MAX ? want->room
							: TB_PAGES_EVENTS_MAX;
	enum tb_err err = begin(&reading, n_max);

	if (!err && want->has_others)
		err = keep_waiting(&reading, waiting, n_waiting);
	if (!err && n_max > 0 && reader->device.n > 0)
		err = read_redelivery(&reading, want->joined);
	if (!err && n_max > 0 && !reading.is_full)
		err = read_live(&reading);
	tb_core_read_end(reading.tx);
	if (err)
		return err;
	page.is_all = n_max > 0 && !reading.is_full;
	*ret = page;
	return TB_OK;
}

enum tb_err tb_pages_read_again(const struct tb_pages_reader *reader,
				uint64_t after, uint64_t until, size_t limit,
				struct tb_pages_page *ret)
{
	struct tb_pages_page page = { .last = after };
	struct reading reading = { .reader = reader, .page = &page };
	enum tb_err err = begin(&reading, limit);

	if (!err)
		err = read_redelivery(&reading, until);
	tb_core_read_end(reading.tx);
	if (err)
		return err;
	page.is_all = !reading.is_full;
	*ret = page;
	return TB_OK;
}
