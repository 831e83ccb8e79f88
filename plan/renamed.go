package plan

import "reflect"

// Renamed is a step as it is to be after a network namespace was given another
// name: the same for a step that doesn't speak of it.
func Renamed(s Step, old, name NS) Step {
	was := reflect.ValueOf(s).Elem()
	is := reflect.New(was.Type()).Elem()
	is.Set(was)
	for i := range is.NumField() {
		if field := is.Field(i); field.Type() == reflect.TypeFor[NS]() && field.String() == string(old) {
			field.SetString(string(name))
		}
	}
	return is.Addr().Interface().(Step)
}
