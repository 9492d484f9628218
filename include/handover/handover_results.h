/* Results of turns that run on, a part of the hand-over. For handover/ only. */
#ifndef HANDOVER_HANDOVER_RESULTS_H
#define HANDOVER_HANDOVER_RESULTS_H

#include "handover/handover_state.h"

extern const struct handover_part handover_results;

#endif
