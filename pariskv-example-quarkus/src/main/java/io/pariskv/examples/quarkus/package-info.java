/** An application of Quarkus LangChain4j that asks the server. */
package io.pariskv.examples.quarkus;
