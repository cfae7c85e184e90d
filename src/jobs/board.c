#include "jobs/board.h"

#include <string.h>

#include "base/alloc.h"

void tb_board_fini(struct tb_board *board)
{
	tb_free(board->orgs);
}

static size_t position_of(const struct tb_board *board, uint32_t id)
{
	size_t low = 0;
	size_t high = board->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (board->orgs[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct tb_board_org *tb_board_get(struct tb_board *board, uint32_t id)
{
	size_t at = position_of(board, id);

	if (at < board->n && board->orgs[at].id == id)
		return &board->orgs[at];
	if (board->n == board->cap) {
		size_t cap = board->cap ? 2 * board->cap : 16;
		struct tb_board_org *orgs =
			tb_realloc(board->orgs, cap * sizeof(*orgs));

		if (!orgs)
			return NULL;
		board->orgs = orgs;
		board->cap = cap;
	}
	memmove(&board->orgs[at + 1], &board->orgs[at],
		(board->n - at) * sizeof(*board->orgs));
	board->n++;
	board->orgs[at] = (struct tb_board_org) {
		.id = id,
		.is_changed = true,
		.seen = UINT64_MAX,
		.outlook = { .next_due_us = INT64_MAX,
			     .next_loss_us = INT64_MAX },
	};
	return &board->orgs[at];
}

/* Whose turn it is; NULL: nobody's. */
static struct tb_board_org *next_org(const struct tb_board *board)
{
	size_t first = position_of(board, board->last_taken + 1);

	for (size_t i = 0; i < board->n; i++) {
		struct tb_board_org *org = &board->orgs[(first + i) % board->n];

		if (org->outlook.ready > 0)
			return org;
	}
	return NULL;
}

static void take_from(struct tb_board *board, struct tb_board_org *org)
{
	org->outlook.ready--;
	board->last_taken = org->id;
}

bool tb_board_take(struct tb_board *board, uint32_t *ret_org)
{
	struct tb_board_org *org = next_org(board);

	if (!org)
		return false;
	take_from(board, org);
	*ret_org = org->id;
	return true;
}

bool tb_board_take_again(struct tb_board *board, uint32_t id)
{
	struct tb_board_org *org = next_org(board);

	if (!org || org->id != id)
		return false;
	take_from(board, org);
	return true;
}

int64_t tb_board_next_us(const struct tb_board *board)
{
	int64_t next_us = INT64_MAX;

	for (size_t i = 0; i < board->n; i++) {
		const struct tb_job_outlook *outlook = &board->orgs[i].outlook;

		if (outlook->next_due_us < next_us)
			next_us = outlook->next_due_us;
		if (outlook->next_loss_us < next_us)
			next_us = outlook->next_loss_us;
	}
	return next_us;
}
