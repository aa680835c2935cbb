package io.pariskv.eval.run;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** A line of the file of results. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({@JsonSubTypes.Type(value = SampleLine.class, name = "sample"),
    @JsonSubTypes.Type(value = RefusedLine.class, name = "refused")})
public sealed interface Line permits SampleLine, RefusedLine {

  /** What the line belongs to. */
  Cell cell();
}
