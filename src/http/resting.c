#include "http/resting.h"

#include "base/assert.h"
#include "http/answer.h"
#include "http/later.h"

/* To those who answer, the exchange is the resting request. */
static struct tb_exchange *exchange_of(const struct tb_resting *resting)
{
	return (struct tb_exchange *)resting;
}

const struct tb_request *tb_resting_request(const struct tb_resting *resting)
{
	return &exchange_of(resting)->req;
}

struct tb_response *tb_resting_response(struct tb_resting *resting)
{
	return &exchange_of(resting)->res;
}

static void finish(struct tb_exchange *ex)
{
	tb_answer_finish(ex, false);
	MHD_resume_connection(ex->conn);
}

/* Makes the answer without holding up the thread that gives it, which has
 * others to give. False: a worker is to make it. */
static bool finish_quickly(struct tb_exchange *ex)
{
	tb_exchange_drop_body(ex);
	if (!tb_sending_begin(ex, false) || tb_answer_is_to_be_packed(ex))
		return false;
	finish(ex);
	return true;
}

void tb_resting_answer(struct tb_resting *resting)
{
	struct tb_exchange *ex = exchange_of(resting);
	struct tb_server *server = ex->server;
	enum tb_err err = TB_OK;

	TB_ASSERT(ex->phase == TB_PHASE_RESTING && !ex->res.later);
	if (!finish_quickly(ex))
		err = tb_pool_submit_again(server->pool, ex);
	/* Each connection has a place, and the pool is stopped when nobody
	 * rests any more. */
	TB_ASSERT(!err);
	/* The server waits for this before it goes. */
	atomic_fetch_sub(&server->n_resting, 1);
}

void tb_resting_begin(struct tb_exchange *ex)
{
	struct tb_server *server = ex->server;
	struct tb_later *later = ex->res.later;

	ex->phase = TB_PHASE_RESTING;
	/* Either the count is seen by the server that stops, or here that it
	 * stops. */
	atomic_fetch_add(&server->n_resting, 1);
	if (atomic_load(&server->is_over)) {
		tb_response_fail(&ex->res, &ex->req, TB_ERR_CLOSED);
		finish(ex);
		atomic_fetch_sub(&server->n_resting, 1);
	} else {
		ex->res.later = NULL;
		later->begin(later, (struct tb_resting *)ex);
	}
}
