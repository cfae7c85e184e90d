#include "jobs/board.h"

#include "base/alloc.h"
#include "base/table.h"

void tb_board_fini(struct tb_board *board)
{
	tb_free(board->orgs);
}

static size_t position_of(const struct tb_board *board, uint32_t id)
{
	return tb_table_position(board->orgs, board->n, sizeof(*board->orgs),
				 id);
}

struct tb_board_org *tb_board_get(struct tb_board *board, uint32_t id)
{
	size_t at = position_of(board, id);
	struct tb_board_org *orgs;

	if (at < board->n && board->orgs[at].id == id)
		return &board->orgs[at];
	orgs = tb_table_insert(board->orgs, &board->n, &board->cap,
			       sizeof(*orgs), at);
	if (!orgs)
		return NULL;
	board->orgs = orgs;
	orgs[at] = (struct tb_board_org) {
		.id = id,
		.is_changed = true,
		.seen = UINT64_MAX,
		.outlook = { .next_due_us = INT64_MAX,
			     .next_loss_us = INT64_MAX },
	};
	return &orgs[at];
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
