#include "app/commands.h"

#include <stdlib.h>

#include "app/accounts.h"
#include "app/control.h"
#include "app/sites.h"
#include "codec/time.h"

#define OUTPUT_MAX_BYTES (1024 * 1024)
#define QUEUE_MAX 1000000
#define SECOND_US 1000000ll
#define SKEW_WORTH_SAYING_US (60 * SECOND_US)
#define DAY_US (86400 * SECOND_US)
/* Waiting records that are named; the others are counted. */
#define WAITING_SHOWN 5

/* "3 hours", for a time that people are to grasp. */
static void put_span(struct tb_buf *buf, int64_t us)
{
	static const struct {
		int64_t us;
		const char *name;
	} units[] = {
		{ DAY_US, "day" },
		{ 3600 * SECOND_US, "hour" },
		{ 60 * SECOND_US, "minute" },
		{ SECOND_US, "second" },
	};
	size_t i = 0;
	int64_t n;

	while (i < 3 && us < 2 * units[i].us)
		i++;
	n = us / units[i].us;
	tb_buf_append_i64(buf, n);
	tb_buf_append_char(buf, ' ');
	tb_buf_append_z(buf, units[i].name);
	if (n != 1)
		tb_buf_append_char(buf, 's');
}

static void put_when(struct tb_buf *buf, int64_t us, int64_t now_us)
{
	if (us == 0) {
		tb_buf_append_z(buf, "never\n");
		return;
	}
	tb_time_put_seconds(buf, us);
	tb_buf_append_z(buf, " (");
	put_span(buf, now_us > us ? now_us - us : 0);
	tb_buf_append_z(buf, " ago)\n");
}

static void put_skew(struct tb_buf *buf, int64_t us)
{
	put_span(buf, llabs(us));
	tb_buf_append_z(buf, us > 0 ? " ahead" : us < 0 ? " behind" : "");
}

static void put_count(struct tb_buf *buf, uint64_t n, const char *one,
		      const char *many)
{
	tb_buf_append_u64(buf, n);
	tb_buf_append_char(buf, ' ');
	tb_buf_append_z(buf, n == 1 ? one : many);
}

void tb_sites_put_verdict(struct tb_buf *buf, const struct tb_site_facts *facts)
{
	const struct tb_consumer *consumer = facts->consumer;
	int64_t away_us = facts->now_us - consumer->seen_us;

	if (facts->site->disabled) {
		tb_buf_append_z(buf, "it is disabled: its calls are refused");
	} else if (consumer->seen_us == 0) {
		tb_buf_append_z(buf, "it has never called");
	} else if (away_us > facts->absence_us) {
		tb_buf_append_z(buf, "away for too long: it starts over when "
				     "it comes back");
	} else if (consumer->quarantined > 0) {
		put_count(buf, consumer->quarantined, "record waits",
			  "records wait");
		tb_buf_append_z(buf, " in quarantine for an operator");
	} else if (away_us > DAY_US) {
		tb_buf_append_z(buf, "not heard of for ");
		put_span(buf, away_us);
	} else if (llabs(consumer->clock_skew_us) > SKEW_WORTH_SAYING_US) {
		tb_buf_append_z(buf, "its clock is ");
		put_skew(buf, consumer->clock_skew_us);
	} else {
		tb_buf_append_z(buf, facts->queue.n > 0
					     ? "well; it has yet to fetch or "
					       "acknowledge its backlog"
					     : "well");
	}
}

static void put_account(struct tb_buf *buf, const struct tb_site_facts *facts)
{
	const struct tb_account *site = facts->site;

	tb_buf_append_z(buf, "site        ");
	tb_buf_append_str(buf, site->username);
	tb_buf_append_z(buf, " (id ");
	tb_buf_append_u64(buf, site->site_id);
	tb_buf_append_z(buf, site->disabled ? ", disabled" : "");
	tb_buf_append_z(buf, site->hardware.n > 0
				     ? ", bound to its database"
				     : ", not bound to a database yet");
	tb_buf_append_z(buf, ")\nstores      ");
	for (size_t i = 0; i < site->n_stores; i++) {
		tb_buf_append_z(buf, i > 0 ? ", " : "");
		tb_buf_append_str(buf, site->stores[i]);
	}
	tb_buf_append_z(buf, site->n_stores ? "\n" : "none\n");
}

static void put_calls(struct tb_buf *buf, const struct tb_site_facts *facts)
{
	static const char *const states[] = {
		[TB_INIT_NEW] = "not begun",
		[TB_INIT_STARTED] = "under way",
		[TB_INIT_COMPLETED] = "completed",
		[TB_INIT_ERROR] = "failed",
	};
	const struct tb_consumer *consumer = facts->consumer;

	tb_buf_append_z(buf, "initialise  ");
	tb_buf_append_z(buf, states[consumer->init]);
	tb_buf_append_z(buf, "\nlast call   ");
	put_when(buf, consumer->seen_us, facts->now_us);
	tb_buf_append_z(buf, "last push   ");
	put_when(buf, consumer->last_push_us, facts->now_us);
	tb_buf_append_z(buf, "last pull   ");
	put_when(buf, consumer->last_pull_us, facts->now_us);
	tb_buf_append_z(buf, "clock skew  ");
	put_skew(buf, consumer->clock_skew_us);
	tb_buf_append_char(buf, '\n');
}

static void put_backlog(struct tb_buf *buf, const struct tb_site_facts *facts)
{
	tb_buf_append_z(buf, "backlog     ");
	tb_buf_append_z(buf, facts->queue.n == facts->queue_max ? "over " : "");
	put_count(buf, facts->queue.n, "entry\n", "entries\n");
	tb_buf_append_z(buf, "oldest      ");
	if (facts->queue.n == 0)
		tb_buf_append_z(buf, "none\n");
	else
		put_when(buf, facts->queue.oldest_time_us, facts->now_us);
	tb_buf_append_z(buf, "quarantine  ");
	put_count(buf, facts->consumer->quarantined, "entry, ", "entries, ");
	put_count(buf, facts->consumer->quarantined_bytes, "byte\n", "bytes\n");
}

/* Records that a site sent before the one that they belong to. */
static void put_waiting(struct tb_buf *buf, const struct tb_site_facts *facts)
{
	tb_buf_append_z(buf, "waiting     ");
	tb_buf_append_z(buf, facts->n_waiting == TB_SITES_WAITING_MAX ? "over "
								      : "");
	put_count(buf, facts->n_waiting, "record without its parent",
		  "records without their parents");
	for (size_t i = 0; i < facts->n_waiting && i < WAITING_SHOWN; i++) {
		tb_buf_append_z(buf, "\n            ");
		tb_buf_append_str(buf, facts->waiting[i].table);
		tb_buf_append_char(buf, ' ');
		tb_buf_append_str(buf, facts->waiting[i].id);
		tb_buf_append_z(buf, " since ");
		tb_time_put_seconds(buf, facts->waiting[i].since_us);
	}
	tb_buf_append_char(buf, '\n');
}

void tb_sites_put_facts(struct tb_buf *buf, const struct tb_site_facts *facts)
{
	put_account(buf, facts);
	put_calls(buf, facts);
	put_backlog(buf, facts);
	put_waiting(buf, facts);
	tb_buf_append_z(buf, "verdict     ");
	tb_sites_put_verdict(buf, facts);
	tb_buf_append_char(buf, '\n');
}

static enum tb_err read_facts(struct tb_session *session,
			      const struct tb_account *site,
			      struct tb_consumer *consumer,
			      struct tb_site_facts *ret)
{
	struct tb_queue_length queue;
	struct tb_waiting *waiting;
	size_t n_waiting;
	struct tb_tx *tx;
	enum tb_err err;

	waiting = tb_arena_calloc(session->arena, TB_SITES_WAITING_MAX,
				  sizeof(*waiting));
	if (!waiting)
		return TB_ERR_NOMEM;
	err = tb_core_read(session->core, &tx);
	if (err)
		return err;
	err = tb_consumer_read(tx, session->arena, site->org, site->site_id,
			       consumer);
	if (!err)
		err = tb_delivery_queue_length(tx, consumer, QUEUE_MAX, &queue);
	if (!err)
		err = tb_waiting_list(session->core, tx, session->arena,
				      site->org, site->site_id, waiting,
				      TB_SITES_WAITING_MAX, &n_waiting);
	tb_core_read_end(tx);
	if (err)
		return err;
	*ret = (struct tb_site_facts) {
		.site = site,
		.consumer = consumer,
		.queue = queue,
		.queue_max = QUEUE_MAX,
		.waiting = waiting,
		.n_waiting = n_waiting,
		.now_us = tb_core_now_us(session->core),
		.absence_us =
			session->config->program.absence_max_days * DAY_US,
	};
	return TB_OK;
}

enum tb_exit tb_cmd_site_explain(struct tb_session *session)
{
	struct tb_consumer consumer;
	struct tb_site_facts facts;
	struct tb_account site;
	struct tb_buf out;
	enum tb_exit exit = tb_accounts_find(session, TB_ACCOUNT_SITE,
					     session->cli->args[0], &site);
	enum tb_err err;

	if (exit)
		return exit;
	/* The server writes down the calls it saw. */
	tb_control_poke(session->config->program.data);
	err = read_facts(session, &site, &consumer, &facts);
	if (err)
		return tb_fail(err, "site `%s`", session->cli->args[0]);
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	tb_sites_put_facts(&out, &facts);
	exit = tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}
