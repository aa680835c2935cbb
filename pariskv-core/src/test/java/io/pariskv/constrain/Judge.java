package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Says whether answers are valid by a schema: somebody else's validator. */
final class Judge {
  private final JsonNode schema;
  private final Schema validator;

  Judge(JsonNode schema) {
    this.schema = schema;
    this.validator = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
        .getSchema(schema);
  }

  void requireValid(String answer, long seed) {
    String message = "seed " + seed + ", answer " + answer + " of " + schema;
    try {
      assertEquals(List.of(), validator.validate(Schemas.MAPPER.readTree(answer)), message);
    } catch (JacksonException e) {
      throw new AssertionError(message, e);
    }
  }
}
