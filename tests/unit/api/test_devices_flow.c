/*
 * What one client was sent of live events: in order, none missing, and never
 * more than a window on its way, however pages, live events and
 * acknowledgements come together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/devices/flow.h"

#define EVENTS_MAX 400
#define WINDOW 8
#define STEPS 3000
#define PAGE_MAX 5

static uint64_t waiting[WINDOW];

/* ---- cases ---- */

static void read_all(struct tb_flow *flow, uint64_t head)
{
	struct tb_flow_page page;

	assert_true(tb_flow_ask(flow, &page));
	assert_true(tb_flow_take(flow, page.turn));
	tb_flow_end(flow, head, true);
}

static void test_live_begins_behind_an_empty_page(void **state)
{
	struct tb_flow flow;

	(void)state;
	tb_flow_init(&flow, 7);
	assert_false(tb_flow_offer(&flow, 8));
	read_all(&flow, 7);
	assert_false(flow.is_live); /* 8 went by meanwhile */
	read_all(&flow, 8);
	assert_true(flow.is_live);
	assert_false(tb_flow_offer(&flow, 8));
	assert_true(tb_flow_offer(&flow, 9));
}

static void test_a_slow_client_goes_back_to_pages(void **state)
{
	struct tb_flow flow;
	struct tb_flow_page page;

	(void)state;
	tb_flow_init(&flow, 0);
	read_all(&flow, 0);
	assert_true(tb_flow_offer(&flow, 1));
	tb_flow_fall_back(&flow);
	assert_false(tb_flow_offer(&flow, 2));
	assert_true(tb_flow_ask(&flow, &page));
	assert_int_equal(page.after, 1);
	assert_false(tb_flow_ask(&flow, &page)); /* one at a time */
}

static void test_a_page_from_before_a_binding_is_of_no_use(void **state)
{
	struct tb_flow flow;
	struct tb_flow_page page;

	(void)state;
	tb_flow_init(&flow, 20);
	assert_true(tb_flow_ask(&flow, &page));
	tb_flow_bind(&flow, 5, waiting, WINDOW);
	assert_false(tb_flow_take(&flow, page.turn));
	assert_true(tb_flow_ask(&flow, &page));
	assert_int_equal(page.after, 5);
	assert_int_equal(page.joined, 20);
	assert_int_equal(page.room, WINDOW);
}

static void fill_window(struct tb_flow *flow, uint64_t first)
{
	struct tb_flow_page page;

	assert_true(tb_flow_ask(flow, &page));
	assert_true(tb_flow_take(flow, page.turn));
	for (size_t i = 0; i < page.room; i++)
		tb_flow_send(flow, first + i, true);
	tb_flow_end(flow, first + page.room - 1, false);
}

static void test_a_full_window_waits_for_acknowledgements(void **state)
{
	struct tb_flow flow;
	struct tb_flow_page page;

	(void)state;
	tb_flow_init(&flow, 100);
	tb_flow_bind(&flow, 0, waiting, WINDOW);
	fill_window(&flow, 1);
	assert_false(tb_flow_ask(&flow, &page));
	tb_flow_acknowledge(&flow, WINDOW + 1); /* which was not sent */
	assert_false(tb_flow_ask(&flow, &page));
	tb_flow_acknowledge(&flow, 2);
	tb_flow_acknowledge(&flow, WINDOW);
	tb_flow_acknowledge(&flow, 2); /* again */
	assert_true(tb_flow_ask(&flow, &page));
	assert_int_equal(page.room, 2);
	assert_int_equal(page.after, WINDOW);
}

static void test_what_others_acknowledged_makes_room(void **state)
{
	const uint64_t kept[] = { 2, 3 };
	struct tb_flow flow;
	struct tb_flow_page page;

	(void)state;
	tb_flow_init(&flow, 100);
	tb_flow_bind(&flow, 0, waiting, WINDOW);
	fill_window(&flow, 1);
	flow.has_others = true;
	assert_true(tb_flow_ask(&flow, &page));
	assert_true(page.has_others);
	assert_int_equal(page.room, 0);
	tb_flow_acknowledge(&flow, 3); /* meanwhile */
	assert_true(tb_flow_take(&flow, page.turn));
	tb_flow_keep(&flow, kept, 2);
	tb_flow_end(&flow, page.after, false);
	assert_int_equal(flow.n_waiting, 1);
	assert_true(tb_flow_ask(&flow, &page));
	assert_int_equal(page.room, WINDOW - 1);
	assert_false(page.has_others);
}

/* The page was read before it was acknowledged: it waits for nothing. */
static void test_what_was_acknowledged_before_it_went_out(void **state)
{
	struct tb_flow flow;
	struct tb_flow_page page;

	(void)state;
	tb_flow_init(&flow, 100);
	tb_flow_bind(&flow, 0, waiting, WINDOW);
	assert_true(tb_flow_ask(&flow, &page));
	tb_flow_acknowledge(&flow, 1);
	assert_true(tb_flow_take(&flow, page.turn));
	for (uint64_t id = 1; id <= WINDOW; id++)
		tb_flow_send(&flow, id, true);
	tb_flow_end(&flow, WINDOW, false);
	assert_true(tb_flow_ask(&flow, &page));
	assert_true(page.has_others);
}

/* ---- sending again ---- */

static unsigned ticks_to_pass(struct tb_flow *flow, struct tb_flow_pass *pass)
{
	unsigned n = 1;

	while (!tb_flow_tick(flow, pass)) {
		n++;
		assert_true(n < 100);
	}
	return n;
}

static void test_sent_again_after_its_time_and_no_sooner(void **state)
{
	struct tb_flow flow;
	struct tb_flow_pass pass;

	(void)state;
	tb_flow_init(&flow, 0);
	tb_flow_bind(&flow, 0, waiting, WINDOW);
	read_all(&flow, 0);
	for (int i = 0; i < 20; i++)
		assert_false(tb_flow_tick(&flow, &pass));
	assert_true(tb_flow_offer(&flow, 9));
	assert_int_equal(ticks_to_pass(&flow, &pass), TB_FLOW_TICKS + 1);
	assert_int_equal(pass.until, 9);
	assert_false(tb_flow_tick(&flow, &pass)); /* while it is read */
	assert_true(tb_flow_end_pass(&flow, &pass, 9, 1));
	assert_int_equal(ticks_to_pass(&flow, &pass), TB_FLOW_TICKS - 1);
	/* All was acknowledged: nothing is looked at any more. */
	assert_false(tb_flow_end_pass(&flow, &pass, 9, 0));
	for (int i = 0; i < 20; i++)
		assert_false(tb_flow_tick(&flow, &pass));
}

static void test_a_pass_goes_on_page_by_page(void **state)
{
	struct tb_flow flow;
	struct tb_flow_pass pass;

	(void)state;
	tb_flow_init(&flow, 0);
	tb_flow_bind(&flow, 0, waiting, WINDOW);
	read_all(&flow, 0);
	assert_true(tb_flow_offer(&flow, 50));
	ticks_to_pass(&flow, &pass);
	assert_true(tb_flow_end_pass(&flow, &pass, 20, 4));
	assert_true(tb_flow_tick(&flow, &pass));
	assert_int_equal(pass.after, 20);
	tb_flow_fail_pass(&flow);
	assert_true(tb_flow_tick(&flow, &pass));
	assert_int_equal(pass.after, 20);
	assert_int_equal(pass.until, 50);
}

/* ---- everything at once ---- */

struct world {
	unsigned seed;
	bool is_device;
	bool is_own[EVENTS_MAX + 1]; /* the device sent it */
	bool is_done[EVENTS_MAX + 1];
	bool was_got[EVENTS_MAX + 1];
	uint64_t head;
	uint64_t shown;    /* broadcasts have come so far */
	uint64_t last_got; /* for the first time */
	uint64_t first;
	uint64_t joined;
	struct tb_flow flow;
	bool is_reading;
	struct tb_flow_page page;
	uint64_t page_head;
	bool is_passing;
	struct tb_flow_pass pass;
	uint64_t seen_waiting[WINDOW];
	size_t n_seen_waiting;
};

static unsigned roll(struct world *w, unsigned n)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 16) % n;
}

static void get(struct world *w, uint64_t id)
{
	if (w->was_got[id])
		return;
	assert_true(id > w->last_got);
	w->was_got[id] = true;
	w->last_got = id;
}

static void store_some(struct world *w)
{
	unsigned n = roll(w, 4);

	while (n-- > 0 && w->head < EVENTS_MAX) {
		w->head++;
		w->is_own[w->head] = roll(w, 5) == 0;
		w->is_done[w->head] = w->is_own[w->head];
	}
}

static void broadcast(struct world *w)
{
	if (w->shown == w->head)
		return;
	w->shown++;
	if (tb_flow_offer(&w->flow, w->shown))
		get(w, w->shown);
}

static void begin_page(struct world *w)
{
	if (w->is_reading || !tb_flow_ask(&w->flow, &w->page))
		return;
	w->is_reading = true;
	w->page_head = w->head;
	if (!w->page.has_others)
		return;
	w->n_seen_waiting = w->flow.n_waiting;
	memcpy(w->seen_waiting, w->flow.waiting,
	       w->n_seen_waiting * sizeof(*w->seen_waiting));
}

/* True if the page holds it; the same rules as in pages.c. */
static bool is_in_page(const struct world *w, uint64_t id)
{
	if (!w->is_device)
		return true;
	if (w->is_own[id])
		return id > w->page.joined;
	return !w->is_done[id];
}

static void end_page(struct world *w)
{
	uint64_t kept[WINDOW];
	size_t room = w->page.room < PAGE_MAX ? w->page.room : PAGE_MAX;
	uint64_t id = w->page.after;
	size_t n_kept = 0;

	if (!w->is_reading)
		return;
	w->is_reading = false;
	if (!tb_flow_take(&w->flow, w->page.turn))
		return;
	if (w->page.has_others) {
		for (size_t i = 0; i < w->n_seen_waiting; i++)
			if (!w->is_done[w->seen_waiting[i]])
				kept[n_kept++] = w->seen_waiting[i];
		tb_flow_keep(&w->flow, kept, n_kept);
	}
	while (room > 0 && id < w->page_head) {
		if (!is_in_page(w, ++id))
			continue;
		get(w, id);
		tb_flow_send(&w->flow, id, !w->is_own[id]);
		assert_true(w->flow.n_waiting <= WINDOW);
		room--;
	}
	tb_flow_end(&w->flow, id, room > 0 && id == w->page_head);
}

/* By this connection, or by another way. */
static void acknowledge(struct world *w, bool is_other)
{
	uint64_t id = w->last_got > 0 ? 1 + roll(w, (unsigned)w->last_got) : 0;

	if (!w->is_device || id == 0 || !w->was_got[id])
		return;
	w->is_done[id] = true;
	if (is_other)
		w->flow.has_others = !w->flow.is_live;
	else
		tb_flow_acknowledge(&w->flow, id);
}

static void tick(struct world *w)
{
	if (!w->is_passing)
		w->is_passing = tb_flow_tick(&w->flow, &w->pass);
}

static void end_pass(struct world *w)
{
	uint64_t id = w->pass.after;
	uint64_t found[WINDOW];
	size_t n = 0;

	if (!w->is_passing)
		return;
	w->is_passing = false;
	while (id < w->pass.until && n < WINDOW)
		if (!w->is_done[++id])
			found[n++] = id;
	if (!tb_flow_end_pass(&w->flow, &w->pass, id, n))
		return;
	/* Nothing is sent again that was not sent before. */
	for (size_t i = 0; i < n; i++)
		assert_true(w->was_got[found[i]]);
}

static void step(struct world *w)
{
	switch (roll(w, 10)) {
	case 0:
		store_some(w);
		break;
	case 1:
	case 2:
		broadcast(w);
		break;
	case 3:
	case 4:
		begin_page(w);
		break;
	case 5:
	case 6:
		end_page(w);
		break;
	case 7:
		acknowledge(w, roll(w, 4) == 0);
		break;
	case 8:
		if (roll(w, 20) == 0)
			tb_flow_fall_back(&w->flow);
		break;
	default:
		tick(w);
		end_pass(w);
		break;
	}
}

/* Everybody does what is left to be done. */
static void settle(struct world *w)
{
	for (int i = 0; i < 20 * EVENTS_MAX; i++) {
		begin_page(w);
		end_page(w);
		broadcast(w);
		tick(w);
		end_pass(w);
		for (size_t k = 0; k < w->flow.n_waiting; k++)
			w->is_done[w->flow.waiting[k]] = true;
		w->flow.has_others = !w->flow.is_live;
	}
}

static void check_world(const struct world *w)
{
	assert_true(w->flow.is_live);
	for (uint64_t id = 1; id <= w->head; id++) {
		bool is_due = id > w->joined ||
			      (w->is_device && id > w->first && !w->is_own[id]);

		if (is_due)
			assert_true(w->was_got[id]);
		else
			assert_false(w->was_got[id]);
	}
}

static unsigned seed_of_run; /* 0: none */

static void run_world(unsigned seed)
{
	struct world w = { .seed = seed };

	w.is_device = seed % 2 == 0;
	while (w.head < 40)
		store_some(&w);
	w.joined = w.head;
	w.shown = w.head - roll(&w, 3);
	tb_flow_init(&w.flow, w.head);
	if (w.is_device) {
		w.first = roll(&w, 20);
		tb_flow_bind(&w.flow, w.first, waiting, WINDOW);
	}
	for (int i = 0; i < STEPS; i++)
		step(&w);
	settle(&w);
	check_world(&w);
}

static void test_nothing_is_missed_or_overtaken(void **state)
{
	const char *text = getenv("TB_SEED");
	unsigned first = text ? (unsigned)strtoul(text, NULL, 10) : 1;
	unsigned last = text ? first : 300;

	(void)state;
	for (unsigned seed = first; seed <= last; seed++) {
		seed_of_run = seed;
		run_world(seed);
	}
	seed_of_run = 0;
}

static int tell_seed(void **state)
{
	(void)state;
	if (seed_of_run != 0)
		print_error("TB_SEED=%u\n", seed_of_run);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_begins_behind_an_empty_page),
		cmocka_unit_test(test_a_slow_client_goes_back_to_pages),
		cmocka_unit_test(
			test_a_page_from_before_a_binding_is_of_no_use),
		cmocka_unit_test(test_a_full_window_waits_for_acknowledgements),
		cmocka_unit_test(test_what_others_acknowledged_makes_room),
		cmocka_unit_test(test_what_was_acknowledged_before_it_went_out),
		cmocka_unit_test(test_sent_again_after_its_time_and_no_sooner),
		cmocka_unit_test(test_a_pass_goes_on_page_by_page),
		cmocka_unit_test_teardown(test_nothing_is_missed_or_overtaken,
					  tell_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
