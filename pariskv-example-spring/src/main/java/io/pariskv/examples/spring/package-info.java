/** An application of Spring AI that asks the server. */
package io.pariskv.examples.spring;
