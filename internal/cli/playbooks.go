package cli

import (
	"os"

	"github.com/spf13/cobra"

	"sipcause/code/playbooks"
	"sipcause/internal/finding"
)

// playbooksHelp describes the flag of all commands that have it.
const playbooksHelp = "folder of your own playbooks (*.yaml), which win over the built-in ones; see docs/how-to/write-a-playbook.md"

// openPlaybooks returns how to get the built-in playbooks, read when they are needed, or those of the folder with them,
// read at once.
func openPlaybooks(folder string) (func() *playbooks.Book, error) {
	if folder == "" {
		return playbooks.Builtin, nil
	}
	var known playbooks.Known
	for _, d := range finding.Table() {
		known.Causes = append(known.Causes, string(d.ID))
	}
	book, err := playbooks.Load(os.DirFS(folder), folder, known)
	if err != nil {
		return nil, usageError{err}
	}
	return func() *playbooks.Book { return book }, nil
}

// completeLate is complete for values that cost something to find.
func completeLate(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // only for a flag that is not there
	}
}

// vendorIDs are the names that --vendor takes.
func vendorIDs() (ids []string) {
	for _, v := range playbooks.Builtin().Vendors() {
		ids = append(ids, v.ID)
	}
	return ids
}
