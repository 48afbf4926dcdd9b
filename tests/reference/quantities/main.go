// Quantities answers what apimachinery makes of texts: a JSON string a line in, and out, a line each,
// [text, Value, MilliValue], or [text, null, null] where it is refused.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/api/resource"
)

func answer(line []byte) ([]any, error) {
	var text string
	if err := json.Unmarshal(line, &text); err != nil {
		return nil, err
	}
	var quantity resource.Quantity
	if quantity.UnmarshalJSON([]byte(`"`+text+`"`)) != nil {
		return []any{text, nil, nil}, nil
	}
	return []any{text, quantity.Value(), quantity.MilliValue()}, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		row, err := answer(lines.Bytes())
		if err == nil {
			err = out.Encode(row)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
