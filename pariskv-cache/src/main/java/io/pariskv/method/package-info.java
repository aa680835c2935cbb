/**
 * Attention methods, plug-ins behind one interface: which keys a decode step attends. Full attention
 * and ParisKV; others join by one class here and, where they need kernels of their own, one package a
 * backend.
 */
@NullMarked
package io.pariskv.method;

import org.jspecify.annotations.NullMarked;
