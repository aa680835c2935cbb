/**
 * What stands in a conversation beside plain text: functions that a model may call, and what it thinks before it answers. In: the
 * chat template, and the text of an answer as it arrives. Out: how the model writes its calls, and the answer in parts.
 */
@NullMarked
package io.pariskv.chat;

import org.jspecify.annotations.NullMarked;
