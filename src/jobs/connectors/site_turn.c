#include "jobs/connectors/site_turn.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tb_site_turn *taken; /* all of the process */

static bool is_same(const struct tb_source *a, const struct tb_source *b)
{
	return tb_str_eq(tb_str_z(a->url), tb_str_z(b->url)) &&
	       tb_str_eq(tb_str_z(a->user), tb_str_z(b->user));
}

static struct tb_site_turn *find(const struct tb_source *source)
{
	struct tb_site_turn *turn = taken;

	while (turn != NULL && !is_same(turn->source, source))
		turn = turn->next;
	return turn;
}

bool tb_site_turn_take(struct tb_site_turn *turn,
		       const struct tb_source *source)
{
	struct tb_site_turn *other;

	pthread_mutex_lock(&lock);
	other = find(source);
	if (other == NULL) {
		turn->source = source;
		turn->next = taken;
		taken = turn;
	}
	pthread_mutex_unlock(&lock);
	return other == NULL || other == turn;
}

void tb_site_turn_end(struct tb_site_turn *turn)
{
	struct tb_site_turn **at = &taken;

	if (turn->source == NULL)
		return;
	pthread_mutex_lock(&lock);
	while (*at != turn)
		at = &(*at)->next;
	*at = turn->next;
	pthread_mutex_unlock(&lock);
	turn->source = NULL;
}
