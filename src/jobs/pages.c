#include "jobs/pages.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "jobs/backoff.h"

/* Of one page: its answer, its records, and what is made of them. */
#define ARENA_BYTES_PER_BYTE 8
#define ARENA_MIN_BYTES ((size_t)64 << 20)
#define FIRST_US 250000
#define MAX_US 30000000
/* One is taken, the other is being read. */
#define SLOTS 2

struct slot {
	struct tb_arena *arena;
	struct tb_connector_page page;
	struct tb_connector_failure failure;
	enum tb_err err;
};

struct tb_pages {
	struct tb_connector_task task;
	const struct tb_connector *connector;
	struct tb_connection *connection; /* NULL: not open yet */
	struct tb_stop *stop;
	uint32_t tries;
	struct tb_arena *arena; /* what lives as long as the connection */
	struct tb_str cursor;   /* at which it is opened */
	struct slot slots[SLOTS];

	/* Reading ahead: page n is in slot n % SLOTS. */
	bool reads_ahead;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_read;  /* pages that are there */
	size_t n_taken; /* pages that were given out; the last is in use */
	bool is_ended;  /* nobody takes more */
};

bool tb_pages_wait(struct tb_stop *stop, uint32_t failures, uint32_t asked_s)
{
	uint64_t random = 0;

	if (asked_s > TB_PAGES_ASKED_MAX_S)
		return false;
	/* Without it, all wait for the shortest time. */
	(void)!getrandom(&random, sizeof(random), 0);
	return !tb_stop_wait(stop, tb_backoff_us(failures, FIRST_US, MAX_US,
						 asked_s, random));
}

/* ---- one page ---- */

static enum tb_err ask(struct tb_pages *pages, struct slot *slot)
{
	enum tb_err err = TB_OK;

	slot->failure = (struct tb_connector_failure) { 0 };
	if (!pages->connection)
		err = pages->connector->open(&pages->task, pages->arena,
					     pages->cursor, &pages->connection,
					     &slot->failure);
	return err ? err
		   : pages->connector->next(pages->connection, slot->arena,
					    &slot->page, &slot->failure);
}

static void read_page(struct tb_pages *pages, struct slot *slot)
{
	for (uint32_t n = 1;; n++) {
		tb_arena_reset(slot->arena);
		slot->err = ask(pages, slot);
		if (!slot->err || !slot->failure.may_pass ||
		    n >= pages->tries || atomic_load(&pages->stop->is_set))
			return;
		if (!tb_pages_wait(pages->stop, n, slot->failure.retry_after_s))
			return;
	}
}

/* ---- ahead ---- */

static void *read_ahead(void *arg)
{
	struct tb_pages *pages = arg;
	struct slot *slot = NULL;

	pthread_mutex_lock(&pages->lock);
	while (!slot || (!slot->err && !slot->page.is_last)) {
		/* The one before the last that was given out is free. */
		while (pages->n_read - pages->n_taken >= SLOTS - 1 &&
		       !pages->is_ended)
			pthread_cond_wait(&pages->changed, &pages->lock);
		if (pages->is_ended)
			break;
		slot = &pages->slots[pages->n_read % SLOTS];
		pthread_mutex_unlock(&pages->lock);
		read_page(pages, slot);
		pthread_mutex_lock(&pages->lock);
		pages->n_read++;
		pthread_cond_broadcast(&pages->changed);
	}
	pthread_mutex_unlock(&pages->lock);
	return NULL;
}

static struct slot *take_ahead(struct tb_pages *pages)
{
	struct slot *slot;

	pthread_mutex_lock(&pages->lock);
	while (pages->n_read == pages->n_taken)
		pthread_cond_wait(&pages->changed, &pages->lock);
	slot = &pages->slots[pages->n_taken++ % SLOTS];
	pthread_cond_broadcast(&pages->changed);
	pthread_mutex_unlock(&pages->lock);
	return slot;
}

/* ---- for who takes them ---- */

/* Behind the first page, if that is not all there is: it is in use, in the
 * first slot. Without a thread, pages are read when they are asked for. */
static void begin_ahead(struct tb_pages *pages, const struct slot *first)
{
	if (first->err || first->page.is_last || pages->connector->confirm)
		return;
	pages->n_read = 1;
	pages->n_taken = 1;
	pages->reads_ahead =
		pthread_create(&pages->thread, NULL, read_ahead, pages) == 0;
}

enum tb_err tb_pages_next(struct tb_pages *pages, struct tb_connector_page *ret,
			  struct tb_connector_failure *ret_failure)
{
	struct slot *slot = &pages->slots[0];

	if (pages->reads_ahead) {
		slot = take_ahead(pages);
	} else {
		read_page(pages, slot);
		begin_ahead(pages, slot);
	}
	if (slot->err)
		*ret_failure = slot->failure;
	else
		*ret = slot->page;
	return slot->err;
}

enum tb_err tb_pages_confirm(struct tb_pages *pages,
			     struct tb_connector_failure *ret_failure)
{
	struct slot *slot = &pages->slots[1];
	enum tb_err err = TB_OK;

	if (!pages->connector->confirm)
		return TB_OK;
	for (uint32_t n = 1;; n++) {
		tb_arena_reset(slot->arena);
		slot->failure = (struct tb_connector_failure) { 0 };
		err = pages->connector->confirm(pages->connection, slot->arena,
						&slot->failure);
		if (!err || !slot->failure.may_pass || n >= pages->tries ||
		    !tb_pages_wait(pages->stop, n, slot->failure.retry_after_s))
			break;
	}
	if (err)
		*ret_failure = slot->failure;
	return err;
}

/* ---- beginning and end ---- */

static size_t arena_bytes(const struct tb_source *source)
{
	size_t bytes = source->page_max_bytes * ARENA_BYTES_PER_BYTE;

	return bytes > ARENA_MIN_BYTES ? bytes : ARENA_MIN_BYTES;
}

static enum tb_err make_arenas(struct tb_pages *pages)
{
	pages->arena = tb_arena_create(ARENA_MIN_BYTES);
	if (!pages->arena)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < SLOTS; i++) {
		pages->slots[i].arena =
			tb_arena_create(arena_bytes(pages->task.source));
		if (!pages->slots[i].arena)
			return TB_ERR_NOMEM;
	}
	return TB_OK;
}

static enum tb_err start(struct tb_pages *pages,
			 const struct tb_pages_options *options)
{
	enum tb_err err = make_arenas(pages);

	if (!err)
		err = tb_arena_strdup(pages->arena, options->cursor,
				      &pages->cursor);
	return err;
}

enum tb_err tb_pages_create(const struct tb_pages_options *options,
			    struct tb_pages **ret)
{
	struct tb_pages *pages = tb_calloc(1, sizeof(*pages));
	enum tb_err err;

	if (!pages)
		return TB_ERR_NOMEM;
	pages->task = *options->task;
	pages->connector = options->connector;
	pages->stop = options->stop;
	pages->tries = options->tries;
	pthread_mutex_init(&pages->lock, NULL);
	pthread_cond_init(&pages->changed, NULL);
	err = start(pages, options);
	if (err)
		tb_pages_destroy(pages);
	else
		*ret = pages;
	return err;
}

void tb_pages_destroy(struct tb_pages *pages)
{
	if (!pages)
		return;
	if (pages->reads_ahead) {
		pthread_mutex_lock(&pages->lock);
		pages->is_ended = true;
		pthread_cond_broadcast(&pages->changed);
		pthread_mutex_unlock(&pages->lock);
		pthread_join(pages->thread, NULL);
	}
	if (pages->connection)
		pages->connector->close(pages->connection);
	for (size_t i = 0; i < SLOTS; i++)
		tb_arena_destroy(pages->slots[i].arena);
	tb_arena_destroy(pages->arena);
	pthread_cond_destroy(&pages->changed);
	pthread_mutex_destroy(&pages->lock);
	tb_free(pages);
}
