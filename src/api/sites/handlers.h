/*
  * What answers the routes of the sites API; see routes.c for which. And what
 * others read of it.

 */
#ifndef TB_API_SITES_HANDLERS_H
#define TB_API_SITES_HANDLERS_H

#include "api/follow.h"
#include "http/route.h"

/* account.c */
tb_handler_fn tb_sites_post_auth;
tb_handler_fn tb_sites_get_user;

/* queue.c, central.c */
tb_handler_fn tb_sites_get_queue;
tb_handler_fn tb_sites_get_central;
tb_quick_fn tb_sites_get_central_quick;

/* push.c, acknowledge.c, initialise.c */
tb_handler_fn tb_sites_post_queue;
tb_handler_fn tb_sites_post_acknowledge;
tb_handler_fn tb_sites_post_initialise;

/* status.c */
tb_handler_fn tb_sites_get_site;
tb_handler_fn tb_sites_get_status;
tb_quick_fn tb_sites_get_site_status;

/* follow.c */
tb_follow_fn tb_sites_follow;
tb_follow_peek_fn tb_sites_follow_peek;

#endif
