/*
 * The handlers of the jobs API, one for each route (routes.c).
 */
#ifndef TB_API_JOBS_HANDLERS_H
#define TB_API_JOBS_HANDLERS_H

#include "api/follow.h"
#include "http/route.h"

/* info.c */
tb_handler_fn tb_jobs_get_state;
tb_handler_fn tb_jobs_get_info;

/* queue.c */
tb_handler_fn tb_jobs_post_queue;

/* control.c: by GET and by POST */
tb_handler_fn tb_jobs_pause;
tb_handler_fn tb_jobs_resume;
tb_handler_fn tb_jobs_purge;
tb_handler_fn tb_jobs_post_cancel;
tb_handler_fn tb_jobs_post_retry;

/* list.c, one.c */
tb_handler_fn tb_jobs_get_list;
tb_handler_fn tb_jobs_get_one;

/* follow.c */
tb_follow_fn tb_jobs_follow;
tb_follow_peek_fn tb_jobs_follow_peek;

#endif
