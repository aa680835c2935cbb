package io.pariskv.app;

import static io.pariskv.app.Cli.run;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Scripts rely on these names; one that goes away is a breaking change. */
class FlagsOfTheDocumentsTest {
  @ParameterizedTest
  @CsvSource(textBlock = """
      run, --model --prompt --prompt-file --ids --system --raw --max-tokens --ignore-eos --json
      run, --temperature --top-p --top-k --min-p --seed --stop --repetition-penalty
      run, --method --preset --backend --kv-dtype --prefill-chunk --offload --row-cache --debug
      run, --sink --local --k --update-interval --dense-below --candidate-ratio --collision-ratio
      run, --group --adaptive --page-size --compress-ratio --recent-ratio --pq-subvectors --pq-bits --lsh-bits --lsh-tables --index-generated --tables
      chat, --model --system --method --max-tokens --temperature --seed --stop --backend --kv-dtype
      logits, --model --ids-file --positions --json --kv-dtype --backend
      info, --model --context --kv-dtype --method --k --page-size
      bench decode, --context --kv-heads --heads --head-dim --method --json --steps --backend --seed
      bench attention, --context --batch --method --k --heads --kv-heads --head-dim --offload --row-cache --queries --query-correlation --json
      bench linear, --shape --batch --steps --backend --json
      bench model, --shape --context --batch --lengths --fill-kv --prefill --offload --row-cache --json
      bench overlap, --model --prompt-file --tokens --steps --k --times --seed --backend --json
      eval, --model --method --lengths --samples --seed --out --k --resume --data --new-tokens --every --raw --jobs --minutes --backend
      compare, --context --batch --method --k --heads --kv-heads --head-dim --offload --layers --queries --steps --seed --backend --json
      eval report, --help
      serve, --model --host --port --api-key-file --tls-keystore --tls-password-file --method --context
      serve, --places --max-queue --chunk --max-stall-ms --keep-tokens --deadline --max-body-mib --drain-seconds --log-prompts
      serve, --cache-dir
      run, --cache
      chat, --cache
      cache save, --model --prompt --prompt-file --ids --system --raw --kv-dtype --backend --context
      cache load, --model --method --preset --k --context --kv-dtype --backend
      cache info, --help
      demo, --tokens --seed --hops --backend --k --dense-below
      """)
  void everyFlag_isThere(String command, String flags) {
    String help = run(Cli.with(command.split(" "), "--help")).succeeded().out();
    for (String flag : List.of(flags.split(" "))) {
      assertTrue(help.matches("(?s).*\\Q" + flag + "\\E[=,\\s].*"), flag + " is not in " + help);
    }
  }
}
