/*
 * The connector of other servers that speak the sites API (docs/api/sites.md).
 * As a source it is a site that reads the central feed by its numbers, then its
 * queue, which it acknowledges when the records are stored here. Both hold the
 * records of all tables, so that one stream brings those of all entities: the
 * stream of the first entity that a job asks for; the others' are empty
 * (docs/adr/0021). As a target it is a site that pushes.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "jobs/connectors/failure.h"
#include "jobs/connectors/site_page.h"
#include "jobs/connectors/site_send.h"
#include "jobs/connectors/site_turn.h"
#include "jobs/fetch/fetch.h"

#define TARGET_MAX_BYTES 512
#define BODY_MAX_BYTES ((size_t)16 << 20)
#define ACK_MAX_BYTES ((size_t)64 << 20)
#define HTTP_CONFLICT 409u

#define CENTRAL_PATH "/sync/v5/central_records"
#define QUEUE_PATH "/sync/v5/queued_records"
#define ACKNOWLEDGE_PATH "/sync/v5/acknowledge_records"

enum phase {
	PHASE_CENTRAL,
	PHASE_QUEUE,
	PHASE_COUNT
};

static const char *const phase_names[PHASE_COUNT] = {
	[PHASE_CENTRAL] = "central",
	[PHASE_QUEUE] = "queue",
};

/* Where it is; its cursor's text is "phase central read set". */
struct place {
	enum phase phase;
	uint64_t central; /* sequence of the central feed */
	uint64_t read;    /* entries */
};

struct site {
	struct tb_connection connection; /* first, so that one is the other */
	struct tb_connector_task task;
	struct tb_fetch *fetch;
	struct tb_site_turn turn;      /* while it reads */
	char set[2 * TB_SHA256_BYTES]; /* names what it reads, in hex */
	struct place place;
	bool has_no_place; /* its cursor is none */
	bool has_started_over;
	bool is_drained; /* the queue held no more when it was read last */
	/* The page of the queue that is to be acknowledged. */
	uint64_t *sequences;
	size_t n_sequences;
	uint64_t first; /* of the last such page; 0: there was none */
};

static void site_close(struct tb_connection *connection)
{
	struct site *site = (struct site *)connection;

	if (site == NULL)
		return;
	tb_site_turn_end(&site->turn);
	tb_fetch_destroy(site->fetch);
	tb_free(site->sequences);
	tb_free(site);
}

/* ---- the cursor ---- */

/* What of an entity makes its records what they are here. */
static struct tb_str *put_entity(struct tb_str *at,
				 const struct tb_source_entity *entity)
{
	*at++ = entity->path;
	*at++ = entity->collection;
	*at++ = entity->on_delete == TB_ON_DELETE_IGNORE ? TB_STR("ignore")
							 : TB_STR("delete");
	for (size_t i = 0; i < entity->n_renames; i++) {
		*at++ = entity->renames[i].from;
		*at++ = entity->renames[i].to;
	}
	/* Where the next one begins: a path is never empty. */
	*at++ = TB_STR("");
	return at;
}

/* Names what is read, and from whom: a place in one feed is none in another,
 * and a run that read some tables passed over the others. */
static enum tb_err name_set(struct site *site, struct tb_arena *arena)
{
	const struct tb_connector_task *task = &site->task;
	size_t n = 2;
	struct tb_str *parts, *end;
	struct tb_str name;
	enum tb_err err;

	for (size_t i = 0; i < task->n_entities; i++)
		n += 4 + 2 * task->entities[i].n_renames;
	parts = tb_arena_calloc(arena, n, sizeof(*parts));
	if (parts == NULL)
		return tb_arena_err(arena);
	parts[0] = tb_str_z(task->source->url);
	parts[1] = tb_str_z(task->source->user);
	end = parts + 2;
	for (size_t i = 0; i < task->n_entities; i++)
		end = put_entity(end, &task->entities[i]);
	TB_ASSERT(end == parts + n);
	err = tb_sha256_name(arena, parts, n, &name);
	if (err != TB_OK)
		return err;
	TB_ASSERT(name.n == sizeof(site->set));
	memcpy(site->set, name.p, name.n);
	return TB_OK;
}

static struct tb_str set_of(const struct site *site)
{
	return tb_str(site->set, sizeof(site->set));
}

static enum tb_err parse_cursor(struct tb_str cursor, struct place *ret,
				struct tb_str *ret_set)
{
	struct tb_str rest = cursor;
	struct tb_str name = tb_str_cut(&rest, ' ');
	struct place place = { .phase = PHASE_CENTRAL };
	enum tb_err err;

	while (place.phase < PHASE_COUNT &&
	       !tb_str_eq(name, tb_str_z(phase_names[place.phase])))
		place.phase++;
	if (place.phase == PHASE_COUNT)
		return TB_ERR_INVALID;
	err = tb_str_to_u64(tb_str_cut(&rest, ' '), &place.central);
	if (err == TB_OK)
		err = tb_str_to_u64(tb_str_cut(&rest, ' '), &place.read);
	if (err != TB_OK)
		return err;
	*ret = place;
	*ret_set = rest;
	return TB_OK;
}

static enum tb_err put_cursor(const struct site *site, struct tb_arena *arena,
			      const struct place *place, struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%s %" PRIu64 " %" PRIu64 " %.*s",
			       phase_names[place->phase], place->central,
			       place->read, TB_STR_ARG(set_of(site)));
}

/* Where this run is; in a feed that is read of another set meanwhile, at its
 * beginning. */
static void go_on(struct site *site, struct tb_str cursor)
{
	struct tb_str set;

	site->has_no_place = parse_cursor(cursor, &site->place, &set) != TB_OK;
	if (site->has_no_place || tb_str_eq(set, set_of(site)))
		return;
	site->place.phase = PHASE_CENTRAL;
	site->place.central = 0;
}

/* Behind what the last run has read, if it is worth anything. */
static void begin(struct site *site)
{
	struct tb_str set;
	struct place place;

	if (parse_cursor(site->task.last_cursor, &place, &set) == TB_OK &&
	    tb_str_eq(set, set_of(site)))
		site->place.central = place.central;
}

/* ---- asking ---- */

static enum tb_err set_up(struct site *site, struct tb_arena *arena,
			  struct tb_connector_failure *ret_failure)
{
	enum tb_err err =
		tb_fetch_create(site->task.source, arena, site->task.is_stopped,
				&site->fetch, ret_failure);

	if (err != TB_OK)
		return err;
	err = name_set(site, arena);
	return err == TB_OK ? err : tb_failure_of(ret_failure, err);
}

static enum tb_err site_open(const struct tb_connector_task *task,
			     struct tb_arena *arena, struct tb_str cursor,
			     struct tb_connection **ret,
			     struct tb_connector_failure *ret_failure)
{
	struct site *site = tb_calloc(1, sizeof(*site));
	enum tb_err err;

	if (site == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	site->connection.connector = &tb_connector_site;
	site->task = *task;
	err = set_up(site, arena, ret_failure);
	if (err != TB_OK) {
		site_close(&site->connection);
		return err;
	}
	if (cursor.n > 0)
		go_on(site, cursor);
	else
		begin(site);
	*ret = &site->connection;
	return TB_OK;
}

static enum tb_err ask(struct site *site, struct tb_arena *arena,
		       struct tb_str target, struct tb_str body,
		       struct tb_fetch_answer *ret,
		       struct tb_connector_failure *ret_failure)
{
	const char *hardware_id = site->task.source->hardware_id;
	struct tb_fetch_header header = { TB_STR("msupply-site-uuid"),
					  tb_str_z(hardware_id) };
	struct tb_fetch_request request = {
		.method = body.p != NULL ? TB_STR("POST") : TB_STR("GET"),
		.target = target,
		.headers = &header,
		.n_headers = hardware_id != NULL,
		.body = body,
		.content_type = TB_STR("application/json"),
	};

	return tb_fetch_send(site->fetch, arena, &request, ret, ret_failure);
}

static enum tb_err ask_page(struct site *site, struct tb_arena *arena,
			    const struct place *place,
			    struct tb_fetch_answer *ret,
			    struct tb_connector_failure *ret_failure)
{
	struct tb_buf buf;
	struct tb_str target;
	enum tb_err err;

	tb_buf_init(&buf, TARGET_MAX_BYTES);
	if (place->phase == PHASE_CENTRAL) {
		tb_buf_append_z(&buf, CENTRAL_PATH);
		tb_fetch_put_number(&buf, TB_STR("cursor"), place->central);
	} else {
		tb_buf_append_z(&buf, QUEUE_PATH);
	}
	tb_fetch_put_number(&buf, TB_STR("limit"),
			    site->task.source->page_size);
	err = tb_buf_copy_out(&buf, arena, &target);
	return err == TB_OK
		       ? ask(site, arena, target, TB_STR_NONE, ret, ret_failure)
		       : tb_failure_of(ret_failure, err);
}

static enum tb_err fail_answer(struct tb_arena *arena, const char *problem,
			       struct tb_connector_failure *ret_failure)
{
	return tb_failure_set(ret_failure, arena, TB_ERR_INVALID,
			      "answer_invalid", true, "%s", problem);
}

/* A page of one phase, cut into records of these entities. `*ret_is_short`:
 * there was no more when it was made. */
static enum tb_err read_page(struct site *site, struct tb_arena *arena,
			     const struct place *place,
			     const struct tb_source_entity *entities, size_t n,
			     struct tb_site_page *ret, bool *ret_is_short,
			     struct tb_connector_failure *ret_failure)
{
	uint64_t limit = site->task.source->page_size;
	struct tb_fetch_answer answer;
	const char *problem = NULL;
	enum tb_err err = ask_page(site, arena, place, &answer, ret_failure);
	uint64_t covered;

	if (err != TB_OK)
		return err;
	err = tb_site_page_read(arena, answer.body, entities, n, ret, &problem);
	if (err == TB_ERR_INVALID)
		return fail_answer(arena, problem, ret_failure);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	covered = ret->n;
	if (place->phase == PHASE_CENTRAL && ret->n > 0)
		covered = ret->sequences[ret->n - 1] - place->central;
	/* "X-Sync-Batch-Hint: N comes with a page that was cut for its size" */
	*ret_is_short = covered < limit &&
			tb_fetch_header(&answer, "X-Sync-Batch-Hint").p == NULL;
	return TB_OK;
}

/* ---- the central feed ---- */

static enum tb_err check_central(const struct tb_site_page *page,
				 const struct place *place,
				 struct tb_arena *arena,
				 struct tb_connector_failure *ret_failure)
{
	uint64_t before = place->central;

	for (size_t i = 0; i < page->n; i++) {
		if (page->sequences[i] <= before)
			return fail_answer(arena,
					   "sequences of the central feed do "
					   "not rise",
					   ret_failure);
		before = page->sequences[i];
	}
	return TB_OK;
}

static enum tb_err read_central(struct site *site, struct tb_arena *arena,
				struct place *place, struct tb_site_page *page,
				struct tb_connector_failure *ret_failure)
{
	const struct tb_connector_task *task = &site->task;
	bool is_short = false;
	enum tb_err err =
		read_page(site, arena, place, task->entities, task->n_entities,
			  page, &is_short, ret_failure);

	/* 409 resync_required: "the site starts over with cursor 0". */
	if (err != TB_OK && ret_failure->status == HTTP_CONFLICT &&
	    place->central > 0 && !site->has_started_over) {
		site->has_started_over = true;
		site->place.central = place->central = 0;
		err = read_page(site, arena, place, task->entities,
				task->n_entities, page, &is_short, ret_failure);
	}
	if (err == TB_OK)
		err = check_central(page, place, arena, ret_failure);
	if (err != TB_OK)
		return err;
	if (page->n > 0)
		place->central = page->sequences[page->n - 1];
	if (is_short)
		place->phase = PHASE_QUEUE;
	return TB_OK;
}

/* ---- the queue ---- */

static enum tb_err keep_sequences(struct site *site,
				  const struct tb_site_page *page)
{
	size_t bytes = page->n * sizeof(*site->sequences);
	uint64_t *sequences = tb_realloc(site->sequences, bytes);

	if (sequences == NULL)
		return TB_ERR_NOMEM;
	site->sequences = sequences;
	site->n_sequences = page->n;
	if (page->n > 0) {
		memcpy(sequences, page->sequences, bytes);
		site->first = sequences[0];
	}
	return TB_OK;
}

/* What the queue holds goes when it is acknowledged, so it is taken for all
 * entities that are declared, whatever the job asks for. The last page is an
 * empty one: a page that could not be acknowledged is asked for again. */
static enum tb_err read_queue(struct site *site, struct tb_arena *arena,
			      struct tb_site_page *page,
			      struct tb_connector_failure *ret_failure)
{
	const struct tb_source *source = site->task.source;
	bool is_short = false;
	bool is_again;
	enum tb_err err;

	if (site->is_drained && site->n_sequences == 0)
		return TB_OK;
	err = read_page(site, arena, &site->place, source->entities,
			source->n_entities, page, &is_short, ret_failure);
	if (err != TB_OK)
		return err;
	is_again = page->n > 0 && page->sequences[0] == site->first &&
		   site->n_sequences == 0;
	if (is_again)
		return tb_failure_set(ret_failure, arena, TB_ERR_CONFLICT,
				      "not_acknowledged", false,
				      "the queue holds %" PRIu64
				      " though it was acknowledged",
				      site->first);
	err = keep_sequences(site, page);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	site->is_drained = is_short;
	return TB_OK;
}

/* "[{"sequence":"96"}]": the exact form. */
static enum tb_err put_acknowledgement(const struct site *site,
				       struct tb_arena *arena,
				       struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, ACK_MAX_BYTES);
	for (size_t i = 0; i < site->n_sequences; i++) {
		tb_buf_append_z(&buf, i > 0 ? "\"},{\"sequence\":\""
					    : "[{\"sequence\":\"");
		tb_buf_append_u64(&buf, site->sequences[i]);
	}
	tb_buf_append_z(&buf, "\"}]");
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err site_confirm(struct tb_connection *connection,
				struct tb_arena *arena,
				struct tb_connector_failure *ret_failure)
{
	struct site *site = (struct site *)connection;
	struct tb_fetch_answer answer;
	struct tb_str body;
	enum tb_err err;

	if (site->n_sequences == 0)
		return TB_OK;
	err = put_acknowledgement(site, arena, &body);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	err = ask(site, arena, TB_STR(ACKNOWLEDGE_PATH), body, &answer,
		  ret_failure);
	if (err == TB_OK)
		site->n_sequences = 0;
	return err;
}

/* ---- a page ---- */

static bool is_reader(const struct site *site)
{
	return tb_str_eq(site->task.entities[0].name, site->task.entity->name);
}

static enum tb_err take_turn(struct site *site, struct tb_arena *arena,
			     struct tb_connector_failure *ret_failure)
{
	if (tb_site_turn_take(&site->turn, site->task.source))
		return TB_OK;
	return tb_failure_set(ret_failure, arena, TB_ERR_BUSY, "site_busy",
			      true, "another job reads as this site");
}

/* The next entries of what is read. */
static enum tb_err read_entries(struct site *site, struct tb_arena *arena,
				struct place *place, struct tb_site_page *page,
				struct tb_connector_failure *ret_failure)
{
	enum tb_err err;

	if (site->has_no_place)
		return tb_failure_set(ret_failure, arena, TB_ERR_INVALID,
				      "cursor_invalid", false,
				      "the place to go on is none");
	err = take_turn(site, arena, ret_failure);
	if (err != TB_OK)
		return err;
	if (place->phase == PHASE_CENTRAL)
		return read_central(site, arena, place, page, ret_failure);
	return read_queue(site, arena, page, ret_failure);
}

static enum tb_err site_next(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_page *ret,
			     struct tb_connector_failure *ret_failure)
{
	struct site *site = (struct site *)connection;
	struct place place = site->place;
	struct tb_site_page page = { .n = 0 };
	bool is_central = place.phase == PHASE_CENTRAL;
	struct tb_str cursor;
	enum tb_err err = TB_OK;

	if (is_reader(site))
		err = read_entries(site, arena, &place, &page, ret_failure);
	if (err != TB_OK)
		return err;
	place.read += page.n;
	err = put_cursor(site, arena, &place, &cursor);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	site->place = place;
	*ret = (struct tb_connector_page) {
		.records = page.records.list,
		.n = page.records.n,
		.cursor = cursor,
		.position = place.read,
		.is_last = !is_reader(site) || (!is_central && page.n == 0),
	};
	return TB_OK;
}

/* ---- pushing ---- */

static enum tb_err push_batch(struct site *site, struct tb_arena *arena,
			      const struct tb_source_entity *entity,
			      struct tb_connector_record *records, size_t n,
			      size_t *ret_n,
			      struct tb_connector_failure *ret_failure)
{
	uint64_t page_max = site->task.source->page_max_bytes;
	struct tb_site_batch batch;
	struct tb_fetch_answer answer;
	enum tb_err err = tb_site_batch_make(
		arena, entity, records, n,
		page_max < BODY_MAX_BYTES ? (size_t)page_max : BODY_MAX_BYTES,
		&batch);

	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	*ret_n = batch.n;
	if (batch.body.n == 0)
		return TB_OK;
	err = ask(site, arena, TB_STR(QUEUE_PATH), batch.body, &answer,
		  ret_failure);
	if (err != TB_OK)
		return err;
	err = tb_site_batch_judge(arena, answer.body, records, batch.n);
	return err == TB_OK ? err : tb_failure_of(ret_failure, err);
}

static enum tb_err site_send(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_record *records, size_t n,
			     struct tb_str cursor,
			     struct tb_connector_failure *ret_failure)
{
	struct site *site = (struct site *)connection;
	struct tb_str name = site->task.entity->name;
	const struct tb_source_entity *entity =
		tb_source_entity_find(site->task.source, name);
	enum tb_err err = TB_OK;

	(void)cursor;
	if (entity == NULL)
		return tb_failure_set(ret_failure, arena, TB_ERR_NOT_FOUND,
				      "entity_unknown", false,
				      "the target has no entity %.*s",
				      TB_STR_ARG(name));
	while (err == TB_OK && n > 0) {
		size_t n_done = 0;

		err = push_batch(site, arena, entity, records, n, &n_done,
				 ret_failure);
		records += n_done;
		n -= n_done;
	}
	return err;
}

const struct tb_connector tb_connector_site = {
	.type = "site",
	.can_send = true,
	.is_mixed = true,
	.keeps_cursor = true,
	.open = site_open,
	.next = site_next,
	.confirm = site_confirm,
	.send = site_send,
	.close = site_close,
};
