/*
 * The handlers of the devices API, one for each route (routes.c).
 */
#ifndef TB_API_DEVICES_HANDLERS_H
#define TB_API_DEVICES_HANDLERS_H

#include "http/route.h"

/* ping.c, login.c */
tb_quick_fn tb_devices_get_ping;
tb_handler_fn tb_devices_post_login;

/* push.c, pull.c, ack.c, register.c */
tb_handler_fn tb_devices_post_push;
tb_handler_fn tb_devices_get_pull;
tb_handler_fn tb_devices_post_ack;
tb_handler_fn tb_devices_post_register;

/* status.c */
tb_handler_fn tb_devices_get_status;
tb_handler_fn tb_devices_get_overdue;

/* sockets.c */
tb_quick_fn tb_devices_get_socket;
tb_quick_fn tb_devices_post_socket;

#endif
