/*
 * "A token that expires or is revoked: `error {"error":"Token expired"}`, then
 * the client is disconnected, within a second." On the peer's loop.
 */
#ifndef TB_API_DEVICES_TOKEN_WATCH_H
#define TB_API_DEVICES_TOKEN_WATCH_H

#include "api/devices/peer.h"
#include "api/devices/state.h"
#include "base/arena.h"

/* When the token ends, by tb_clock_monotonic_us; 0: never. */
int64_t tb_token_watch_us(const struct tb_peer *peer);
/* True: it has ended, and so has the peer. */
bool tb_token_watch_on_timer(struct tb_peer *peer);
/* Something has changed in the org that may have ended it: asks, on a worker.
 */
void tb_token_watch_check(struct tb_peer *peer);

/* Who holds a token, and until when. Refused: UNAUTHENTICATED; other errors:
 * it could not be asked. `*ret` is a reference. Blocks. */
enum tb_err tb_token_watch_verify(const struct tb_devices *devices,
				  struct tb_arena *arena, struct tb_str token,
				  struct tb_str address,
				  const struct tb_principal **ret,
				  int64_t *ret_expires_us) tb_must_check;

#endif
