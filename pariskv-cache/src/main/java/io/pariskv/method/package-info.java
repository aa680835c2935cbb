/**
 * Attention methods, plug-ins behind one interface: which keys a decode step attends. Full attention,
 * ParisKV, and those that it is compared with; others join by one class here, most simply on {@code
 * SelectingState}, and stages of their own where they need them.
 */
@NullMarked
package io.pariskv.method;

import org.jspecify.annotations.NullMarked;
