/* What was spent of limits, as a part of the hand-over. For handover/ only. */
#ifndef HANDOVER_HANDOVER_SPENT_H
#define HANDOVER_HANDOVER_SPENT_H

#include "handover/handover_state.h"

extern const struct handover_part handover_spent;

#endif
